"""Ways through `build_image`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shoal.build_failure import awaited
from shoal.image.answer import answer
from shoal.image.order import BuildOrder, build_input, image_facts
from tests.statemachines import plans
from tests.statemachines.scenario import MINUTES, FailurePaths, Scenario, Took, explained, refused
from tests.statemachines.scenarios.facts import operation
from tests.support.clusters import configuration
from tests.support.machine import StateError

_END = "Image Not Built"
PATHS = FailurePaths(
    usual=("Explain Failure", _END),
    others={"Build Image": ("Judge Image", "Explain Failure", _END), "Explain Failure": ()},
    tolerated={"Retire Images": "old images stay until the next build, and the answer says so"},
)
IMAGES = plans.creation(configuration())["images"]
_TWO = [IMAGES[0], IMAGES[0] | {"imageTag": "f" * 32, "queues": ["arm"]}]
_NO_ROOM = StateError("CodeBuild.AccountLimitExceededException", "Cannot have more than 0 builds in queue")
_THROTTLED = StateError("CodeBuild.ThrottlingException", "Rate exceeded (Error Code: ThrottlingException)")
_FAILED = StateError("States.TaskFailed", '{"Build": {"Id": "shoal-genomics-build:1", "BuildStatus": "FAILED"}}')
_BUILD = Took(8 * MINUTES, {"Build": {"Id": "shoal-genomics-build:1", "BuildStatus": "SUCCEEDED"}})


def staged(*present: str) -> Any:
    """What `stage_image` answers when the images of some tags were in the repository before."""

    def answered(sent: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        orders = [BuildOrder.from_state(state) for state in sent["images"]]
        there = {*present, *sent["built"]}
        for order in orders:
            if order.image_tag not in there:
                build = build_input(order, now, datetime.fromisoformat(sent["deadline"]))
                return {"present": False, "image": order.to_state(), "build": build}
        facts = [image_facts(order, "registry/shoal/genomics") | {"digest": "sha256:1"} for order in orders]
        return {"present": True, "answer": answer(facts, sent["built"])}

    return answered


def judged(*log: str) -> Any:
    """What `judge_image` answers when the log of a failed build ends with these lines."""

    def answered(sent: Mapping[str, Any], _now: datetime) -> dict[str, Any]:
        if not sent["failure"]:
            return {"verdict": "built", "awaited": ""}
        waits_for = awaited(sent["failure"]["error"], sent["failure"]["cause"], log) or ""
        return {"verdict": "wait" if waits_for else "failed", "awaited": waits_for}

    return answered


_ANSWERS = {
    "Stage Image": staged(),
    "Build Image": _BUILD,
    "Judge Image": judged("E: Unable to locate package"),
    "Retire Images": {"retired": {"deleted": 1, "refused": 0}},
    "Explain Failure": explained,
}

SCENARIOS = (
    Scenario(
        "an image is built for a new cluster",
        operation("create", images=IMAGES),
        _ANSWERS,
        output={"built": [IMAGES[0]["imageTag"]], "retired": {"deleted": 1, "refused": 0}},
        enters=("Stage Image", "Build Image", "Judge Image", "Stage Image", "Retire Images"),
        never=("Wait For Better Times", "Answer", "Answer Unretired"),
        calls={"Build Image": 1},
    ),
    Scenario(
        "two images are built one after the other",
        operation("update", images=_TWO),
        _ANSWERS,
        output={"built": [image["imageTag"] for image in _TWO]},
        enters=("Build Image", "Judge Image", "Stage Image", "Build Image", "Judge Image", "Retire Images"),
        never=("Wait For Better Times",),
        calls={"Build Image": 2, "Retire Images": 1},
    ),
    Scenario(
        "of two images only the missing one is built",
        operation("update", images=_TWO),
        _ANSWERS | {"Stage Image": staged(_TWO[0]["imageTag"])},
        output={"built": [_TWO[1]["imageTag"]]},
        enters=("Build Image", "Retire Images"),
        calls={"Build Image": 1},
    ),
    Scenario(
        "images that are present are not built",
        operation("build-image", images=_TWO),
        _ANSWERS | {"Stage Image": staged(*(image["imageTag"] for image in _TWO))},
        output={"built": []},
        enters=("Image Missing?", "Answer"),
        never=("Build Image", "Retire Images"),
    ),
    Scenario(
        "queues with ready images need none built",
        operation("update", images=[]),
        _ANSWERS,
        output={"images": []},
        enters=("Answer",),
        never=("Build Image", "Retire Images"),
    ),
    Scenario(
        "an account without room for a build is waited for",
        operation("build-image", images=IMAGES),
        _ANSWERS | {"Build Image": [_NO_ROOM, _NO_ROOM, _BUILD]},
        output={"built": [IMAGES[0]["imageTag"]]},
        enters=("Build Image", "Judge Image", "Wait For Better Times", "Stage Image", "Build Image", "Judge Image"),
        calls={"Build Image": 3},
    ),
    Scenario(
        "throttling is waited for",
        operation("build-image", images=IMAGES),
        _ANSWERS | {"Build Image": [_THROTTLED, _BUILD]},
        output={"built": [IMAGES[0]["imageTag"]]},
        enters=("Build Image", "Judge Image", "Wait For Better Times", "Build Image", "Retire Images"),
        calls={"Build Image": 2},
    ),
    Scenario(
        "an account that never has room fails at the deadline",
        operation("build-image", images=IMAGES),
        _ANSWERS | {"Build Image": _NO_ROOM},
        "FAILED",
        "DeadlineExceeded",
        enters=("Wait For Better Times", "What Became Of It?", "Explain Failure", _END),
    ),
    Scenario(
        "a limit of pulls that never passes fails at the deadline",
        operation("create", images=IMAGES),
        _ANSWERS | {"Build Image": _FAILED, "Judge Image": judged("toomanyrequests: Rate exceeded")},
        "FAILED",
        "DeadlineExceeded",
        enters=("Wait For Better Times", "What Became Of It?", "Explain Failure", _END),
    ),
    Scenario(
        "a broken Dockerfile fails at once",
        operation("create", images=IMAGES),
        _ANSWERS | {"Build Image": _FAILED},
        "FAILED",
        "InternalError",  # `explain_failure` asks CodeBuild which build it was, and scenarios have none
        enters=("Build Image", "Judge Image", "What Became Of It?", "Explain Failure", _END),
        never=("Wait For Better Times",),
        calls={"Build Image": 1},
    ),
    Scenario(
        "a build that succeeds without an image fails",
        operation("create", images=IMAGES),
        _ANSWERS | {"Judge Image": refused("BuildFailed", "the build succeeded, but the repository has no image")},
        "FAILED",
        "BuildFailed",
        enters=("Judge Image", "Explain Failure", _END),
    ),
    Scenario(
        "old images that cannot be deleted are told",
        operation("create", images=IMAGES),
        _ANSWERS | {"Retire Images": StateError("Sandbox.Timedout", "Task timed out after 300.00 seconds")},
        output={"retired": {"failed": "Sandbox.Timedout: Task timed out after 300.00 seconds"}},
        enters=("Retire Images", "Answer Unretired"),
    ),
)
