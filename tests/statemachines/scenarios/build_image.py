"""Ways through `build_image`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shoal.image.order import BuildOrder, answer, build_input
from tests.statemachines import plans
from tests.statemachines.scenario import MINUTES, FailurePaths, Scenario, Took, explained, refused
from tests.statemachines.scenarios.facts import BUILT, operation
from tests.support.clusters import configuration
from tests.support.machine import StateError

_END = "Image Not Built"
PATHS = FailurePaths(usual=("Explain Failure", _END), others={"Explain Failure": ()})
IMAGE = plans.creation(configuration())["image"]
_ORDER = BuildOrder.from_state(IMAGE)
_NO_ROOM = StateError("CodeBuild.AccountLimitExceededException", "Cannot have more than 0 builds in queue")


def _staged(sent: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """What `stage_image` answers when there is something to build."""
    build = build_input(_ORDER, now, datetime.fromisoformat(sent["deadline"]))
    return {"present": False, "image": _ORDER.to_state(), "build": build}


_ANSWERS = {
    "Stage Image": _staged,
    "Build Image": Took(8 * MINUTES, {"Build": {"Id": "shoal-genomics-build:1", "BuildStatus": "SUCCEEDED"}}),
    "Judge Image": BUILT,
    "Explain Failure": explained,
}

SCENARIOS = (
    Scenario(
        "an image is built for a new cluster",
        operation("create", image=IMAGE),
        _ANSWERS,
        output={"built": True},
        enters=("Stage Image", "Build Image", "Judge Image"),
        never=("Wait For Room",),
    ),
    Scenario(
        "an image that is present is not built",
        operation("build-image"),
        _ANSWERS | {"Stage Image": {"present": True, "answer": answer(_ORDER, "uri", "sha256:1", built=False)}},
        output={"built": False},
        enters=("Image Present?", "Answer Present"),
        never=("Build Image",),
    ),
    Scenario(
        "queues with ready images need none built",
        operation("update", image=None),
        _ANSWERS | {"Stage Image": {"present": True, "answer": answer(None, "", "", built=False)}},
        output={"cluster": {}},
        enters=("Answer Present",),
        never=("Build Image",),
    ),
    Scenario(
        "an account without room for a build is waited for",
        operation("build-image"),
        _ANSWERS | {"Build Image": [_NO_ROOM, _NO_ROOM, {"Build": {"BuildStatus": "SUCCEEDED"}}]},
        output={"built": True},
        enters=("Build Image", "Deadline Passed?", "Wait For Room", "Build Image", "Wait For Room", "Judge Image"),
    ),
    Scenario(
        "an account that never has room fails at the deadline",
        operation("build-image"),
        _ANSWERS | {"Build Image": _NO_ROOM},
        "FAILED",
        "DeadlineExceeded",
        enters=("Wait For Room", "Deadline Passed?", "Explain Failure", _END),
    ),
    Scenario(
        "a cluster without a repository has nothing to build for",
        operation("build-image"),
        _ANSWERS | {"Stage Image": refused("ClusterUnhealthy", "cluster genomics was not created completely")},
        "FAILED",
        "ClusterUnhealthy",
        enters=("Explain Failure", _END),
    ),
    Scenario(
        "a build that succeeds without an image fails",
        operation("create", image=IMAGE),
        _ANSWERS | {"Judge Image": refused("BuildFailed", "the build succeeded, but the repository has no image")},
        "FAILED",
        "BuildFailed",
        enters=("Judge Image", "Explain Failure", _END),
    ),
)
