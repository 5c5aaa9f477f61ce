"""Ways through `scale_cluster`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shoal.operation.scaling import judge
from tests.statemachines.plans import NAME
from tests.statemachines.scenario import MINUTES, FailurePaths, Scenario, Took, explained, refused
from tests.statemachines.scenarios.facts import NOT_YET, READY, SCALED, operation

_END = "Scaling Failed"
PATHS = FailurePaths(usual=("Explain Failure", _END), others={"Explain Failure": ()})
_STOPPED = SCALED | {
    "fleet": {"version": "0a1b2c", "static": []},
    "answer": {"summary": "The fleet of cluster genomics is stopped", "fleetStatus": "STOPPED"},
}
_CLOSING = _STOPPED | {"done": False}


def _never_ends(payload: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    waiting = ["1 instances of shoal-genomics-main-small have not ended"]
    deadline = datetime.fromisoformat(payload["deadline"])
    return _CLOSING | {"done": judge(NAME, "STOPPED", waiting, now=now, deadline=deadline)}


_ANSWERS = {"Scale Fleet": SCALED, "Check Cluster": READY, "Explain Failure": explained}

SCENARIOS = (
    Scenario(
        "a fleet is stopped when its instances have ended",
        operation("stop"),
        _ANSWERS | {"Scale Fleet": [_CLOSING, _CLOSING, _STOPPED]},
        output={"fleetStatus": "STOPPED"},
        enters=("Begin", "Scale Fleet", "Is It Scaled?", "Wait For Fleet", "Scale Fleet", "Answer"),
        never=("Check Cluster",),
        calls={"Scale Fleet": 3},
    ),
    Scenario(
        "stopping what is stopped succeeds at once",
        operation("stop"),
        _ANSWERS | {"Scale Fleet": _STOPPED},
        output={"fleetStatus": "STOPPED"},
        enters=("Scale Fleet", "Answer"),
        never=("Wait For Fleet", "Check Cluster"),
        calls={"Scale Fleet": 1},
    ),
    Scenario(
        "a fleet is started when the nodes that a queue always has are there",
        operation("start"),
        _ANSWERS | {"Check Cluster": [NOT_YET, Took(MINUTES, READY)]},
        output={"fleetStatus": "RUNNING"},
        enters=("Scale Fleet", "Check Cluster", "Fleet Ready?", "Wait For Nodes", "Check Cluster", "Answer"),
        never=("Wait For Fleet",),
        calls={"Scale Fleet": 1, "Check Cluster": 2},
    ),
    Scenario(
        "instances that do not end until the deadline fail the operation",
        operation("stop"),
        _ANSWERS | {"Scale Fleet": _never_ends},
        status="FAILED",
        error="DeadlineExceeded",
        enters=("Wait For Fleet", "Scale Fleet", "Explain Failure", _END),
        never=("Check Cluster", "Answer"),
    ),
    Scenario(
        "nodes that do not come until the deadline fail the operation",
        operation("start"),
        _ANSWERS | {"Check Cluster": NOT_YET},
        status="FAILED",
        error="DeadlineExceeded",
        enters=("Fleet Ready?", "Wait For Nodes", "Fleet Ready?", "Explain Failure", _END),
        never=("Answer",),
    ),
    Scenario(
        "nodes that fail one after the other fail the operation before the deadline",
        operation("start"),
        _ANSWERS | {"Check Cluster": [NOT_YET, refused("ClusterUnhealthy", "3 nodes have failed\nno route to host")]},
        status="FAILED",
        error="ClusterUnhealthy",
        enters=("Wait For Nodes", "Check Cluster", "Explain Failure", _END),
        never=("Answer",),
    ),
)
