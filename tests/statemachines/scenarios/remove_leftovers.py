"""Ways through `remove_leftovers`; what follows on a look is judged as the function judges it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from shoal.cleanup.leftovers import Remains, Thing, judge
from tests.statemachines.plans import NAME, OPERATION_ID, STACK_ID
from tests.statemachines.scenario import FailurePaths, Scenario, Took, explained
from tests.statemachines.scenarios.facts import VOLUME

_END = "Leftovers Remain"
PATHS = FailurePaths(usual=("Explain Failure", _END), others={"Explain Failure": ()})
_INPUT = {"operationId": OPERATION_ID, "clusterName": NAME, "stackId": STACK_ID, "discard": False}
_VOLUME = Thing(VOLUME["resourceType"], VOLUME["id"])


def _found(*, kept: int = 0, left: int = 0) -> Callable[[Mapping[str, Any], datetime], dict[str, Any]]:
    def look(sent: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        remains = Remains([_VOLUME] * kept, [_VOLUME] * left, 40)
        since = datetime.fromisoformat(sent["since"])
        return judge(sent["clusterName"], remains, discard=sent["discard"], since=since, now=now)

    return look


_ANSWERS = {"Find Leftovers": _found(), "Delete Leftovers": {"deleted": 1}, "Explain Failure": explained}

SCENARIOS = (
    Scenario(
        "nothing is left",
        _INPUT,
        _ANSWERS,
        output={"removed": 40, "kept": []},
        enters=("Find Leftovers", "Is Anything Left?", "Nothing Left"),
        never=("Wait For AWS", "Delete Leftovers"),
    ),
    Scenario(
        "a volume is kept as the configuration says",
        _INPUT,
        _ANSWERS | {"Find Leftovers": _found(kept=1)},
        output={"kept": [VOLUME]},
        enters=("Nothing Left",),
        never=("Delete Leftovers",),
    ),
    Scenario(
        "the largest report travels",
        _INPUT,
        _ANSWERS | {"Find Leftovers": _found(kept=500)},
        output={"kept": [VOLUME] * 20},
        enters=("Nothing Left",),
        never=("Delete Leftovers",),
    ),
    Scenario(
        "what is on its way out is waited for",
        _INPUT,
        _ANSWERS | {"Find Leftovers": [_found(left=2), _found(left=1), _found()]},
        output={"kept": []},
        enters=("Wait For AWS", "Find Leftovers", "Wait For AWS", "Find Leftovers", "Nothing Left"),
        never=("Delete Leftovers",),
    ),
    Scenario(
        "what a failed create made is deleted",
        _INPUT | {"discard": True},
        _ANSWERS | {"Find Leftovers": [_found(kept=1), _found()], "Delete Leftovers": Took(20, {"deleted": 1})},
        output={"kept": []},
        enters=("Is Anything Left?", "Delete Leftovers", "Wait For AWS", "Find Leftovers", "Nothing Left"),
    ),
    Scenario(
        "what never goes fails after a quarter of an hour",
        _INPUT,
        _ANSWERS | {"Find Leftovers": _found(left=1)},
        "FAILED",
        "LeftoversFound",
        enters=("Wait For AWS", "Explain Failure", _END),
        never=("Delete Leftovers",),
    ),
    Scenario(
        "what cannot be deleted fails after a quarter of an hour",
        _INPUT | {"discard": True},
        _ANSWERS | {"Find Leftovers": _found(kept=1)},
        "FAILED",
        "LeftoversFound",
        enters=("Delete Leftovers", "Wait For AWS", "Explain Failure", _END),
    ),
)
