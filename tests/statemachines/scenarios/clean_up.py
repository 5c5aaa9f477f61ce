"""Ways through `clean_up`; what follows on a slice is judged as the functions judge it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from shoal.cleanup.custom_resource import Target
from shoal.cleanup.drain import Refusal, Slice
from shoal.cleanup.progress import Progress, ended, judge
from shoal.failure import explain
from tests.statemachines.plans import NAME, OPERATION_ID, STACK_ID
from tests.statemachines.scenario import MINUTES, FailurePaths, Scenario, Took, explained
from tests.statemachines.scenarios.facts import DEADLINE

_END = "Emptying Failed"
PATHS = FailurePaths(
    usual=("Who Must Hear?", "Answer Failure", "Explain Failure", _END),
    others={"Answer Failure": (_END,), "Explain Failure": ()},
)
_BUCKET = {"kind": "bucket", "name": "shoal-genomics-1a2b3c4d", "prefix": "", "stackId": STACK_ID, "deadline": DEADLINE}
_REPOSITORY = _BUCKET | {"kind": "repository", "name": "shoal/genomics"}
_OPERATING = {"operationId": OPERATION_ID, "clusterName": NAME}
_SERVING = {"answer": "answer#5f6a7b8c"}


def _slice(found: Slice) -> Callable[[Mapping[str, Any], datetime], dict[str, Any]]:
    def work(sent: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        target, before = Target("bucket", sent["name"], sent["prefix"]), Progress.from_event(sent["progress"])
        return judge(target, found, before, now=now, deadline=datetime.fromisoformat(sent["deadline"])).to_event()

    return work


def _owned_by(owner: str | None) -> Callable[[Mapping[str, Any], datetime], dict[str, Any] | None]:
    def look(sent: Mapping[str, Any], _now: datetime) -> dict[str, Any] | None:
        end = ended(owner, sent["stackId"], Progress.from_event(sent["progress"]))
        return end.to_event() if end else None

    return look


def _told(sent: Mapping[str, Any], _now: datetime) -> dict[str, Any]:
    """What `answer_stack` answers of a failure."""
    failure = explain(sent["failure"])
    return {"answered": True, "code": failure.code, "cause": failure.cause}


_FULL = _slice(Slice(deleted=12_000, seen=12_000, complete=False))
_EMPTY = _slice(Slice())
_RESISTS = _slice(Slice(seen=2, refused=2, samples=[Refusal("runs/a.bam", "AccessDenied")]))
_SLICES = [Took(14 * MINUTES, _FULL), Took(14 * MINUTES, _FULL), _EMPTY, _EMPTY]
_ANSWERS = {
    "Empty Bucket": _SLICES,
    "Empty Repository": _SLICES,
    "Answer Success": {"answered": True},
    "Answer Failure": _told,
    "Explain Failure": explained,
}
_QUIET = ("Answer Failure", "Explain Failure", "Answer Success")

SCENARIOS = (
    Scenario(
        "a bucket is emptied slice by slice",
        _BUCKET | _OPERATING,
        _ANSWERS,
        output={"deleted": 24_000, "outcome": "emptied"},
        enters=("Empty Bucket", "Wait For The Next Slice", "Empty Bucket", "Does A Stack Wait?", "Cleaned Up"),
        never=("Empty Repository", "Answer Success", "Answer Failure"),
    ),
    Scenario(
        "a repository is emptied slice by slice",
        _REPOSITORY | _OPERATING,
        _ANSWERS,
        output={"deleted": 24_000},
        enters=("Empty Repository", "Wait For The Next Slice", "Empty Repository", "Cleaned Up"),
        never=("Empty Bucket", "Answer Failure"),
    ),
    Scenario(
        "an absent bucket counts as cleaned",
        _BUCKET | _OPERATING,
        _ANSWERS | {"Empty Bucket": _owned_by(None)},
        output={"deleted": 0, "outcome": "absent"},
        enters=("Empty Bucket", "Cleaned Up"),
        never=("Answer Failure", "Wait For The Next Slice"),
    ),
    Scenario(
        "another stack's repository is left alone",
        _REPOSITORY | _SERVING,
        _ANSWERS | {"Empty Repository": _owned_by(STACK_ID.replace("5f6a", "0000"))},
        output={"deleted": 0, "outcome": "not-owned"},
        enters=("Empty Repository", "Answer Success", "Cleaned Up"),
        never=("Explain Failure",),
    ),
    Scenario(
        "a prefix is emptied for a stack that waits",
        _BUCKET | _SERVING | {"prefix": "shoal/genomics/"},
        _ANSWERS,
        output={"outcome": "emptied"},
        enters=("Empty Bucket", "Does A Stack Wait?", "Answer Success", "Cleaned Up"),
        never=("Explain Failure",),
    ),
    Scenario(
        "an operator needs neither deadline nor prefix",
        {key: value for key, value in _BUCKET.items() if key not in {"deadline", "prefix"}},
        _ANSWERS,
        output={"outcome": "emptied"},
        enters=("Begin", "Empty Bucket", "Cleaned Up"),
        never=_QUIET,
    ),
    Scenario(
        "objects that resist fail the operation",
        _BUCKET | _OPERATING,
        _ANSWERS | {"Empty Bucket": _RESISTS},
        "FAILED",
        "CleanUpIncomplete",
        enters=("Wait For The Next Slice", "Who Must Hear?", "Explain Failure", _END),
        never=("Answer Failure",),
    ),
    Scenario(
        "a stack that waits hears of objects that resist",
        _BUCKET | _SERVING,
        _ANSWERS | {"Empty Bucket": _RESISTS},
        "FAILED",
        "CleanUpIncomplete",
        enters=("Who Must Hear?", "Answer Failure", _END),
        never=("Explain Failure",),
    ),
    Scenario(
        "a bucket that is filled faster than it is emptied fails at the deadline",
        _BUCKET | _SERVING,
        _ANSWERS | {"Empty Bucket": Took(2, _FULL)},
        "FAILED",
        "DeadlineExceeded",
        enters=("Wait For The Next Slice", "Answer Failure", _END),
        never=("Explain Failure",),
    ),
    Scenario(
        "an operator sees the failure in the execution",
        _BUCKET,
        _ANSWERS | {"Empty Bucket": _RESISTS},
        "FAILED",
        "OperationError",
        enters=("Who Must Hear?", _END),
        never=_QUIET,
    ),
)
