"""What does `--depends-on` mean, and which dependencies can never be met?"""

from __future__ import annotations

from typing import Any

import pytest

from shoal_cli.jobs.dependencies import Dependency, misfits, read, unmet

ONE, TWO = "01234567-89ab-cdef-0123-456789abcdef", "11111111-2222-3333-4444-555555555555"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ([ONE], [Dependency(ONE, None)]),
        ([f"{ONE}:3"], [Dependency(f"{ONE}:3", None)]),
        ([f"jobId={ONE}"], [Dependency(ONE, None)]),
        ([f"jobId={ONE};jobId={TWO}"], [Dependency(ONE, None), Dependency(TWO, None)]),
        ([ONE, f"{TWO};"], [Dependency(ONE, None), Dependency(TWO, None)]),
        ([f"jobId={ONE}, type=N_TO_N"], [Dependency(ONE, "N_TO_N")]),
        (["type=SEQUENTIAL"], [Dependency(None, "SEQUENTIAL")]),
        ([f"type=SEQUENTIAL;jobId={ONE}"], [Dependency(None, "SEQUENTIAL"), Dependency(ONE, None)]),
        ([], []),
    ],
)
def test_dependencies_are_read_one_by_one(asked: list[str], expected: list[Dependency]) -> None:
    assert read(asked) == (expected, [])


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ("jobId=7", "--depends-on 7 is no id of a job"),
        ("job", "--depends-on job is no id of a job"),
        (f"jobId={ONE},type=AFTER", "--depends-on type=AFTER is unknown; write one of N_TO_N, SEQUENTIAL"),
        (f"jobId={ONE},jobId={TWO}", "is no dependency"),
        (f"id={ONE}", "is no dependency"),
        ("type=N_TO_N", "--depends-on type=N_TO_N names no job"),
    ],
)
def test_what_is_no_dependency_is_told(asked: str, problem: str) -> None:
    dependencies, problems = read([asked])
    assert dependencies == []
    assert problem in problems[0]


def test_batch_takes_at_most_20() -> None:
    assert read([";".join([ONE] * 20)])[1] == []
    assert read([";".join([ONE] * 21)])[1] == ["--depends-on names 21 jobs; Batch takes at most 20"]


def test_a_request_has_what_was_given_and_no_more() -> None:
    assert Dependency(ONE, None).request() == {"jobId": ONE}
    assert Dependency(None, "SEQUENTIAL").request() == {"type": "SEQUENTIAL"}


@pytest.mark.parametrize(
    ("dependency", "size", "problem"),
    [
        (Dependency(ONE, "N_TO_N"), None, "type=N_TO_N is for array jobs"),
        (Dependency(None, "SEQUENTIAL"), None, "type=SEQUENTIAL is for array jobs"),
        (Dependency(ONE, "SEQUENTIAL"), 3, "orders the job's own children; leave jobId out"),
    ],
)
def test_a_type_has_to_fit_the_job(dependency: Dependency, size: int | None, problem: str) -> None:
    assert problem in next(misfits([dependency], size))
    assert list(misfits([Dependency(ONE, None)], size)) == []


ARRAY: dict[str, Any] = {"status": "RUNNING", "arrayProperties": {"size": 3}}


@pytest.mark.parametrize(
    ("dependency", "job", "problem"),
    [
        (Dependency(ONE, None), None, "is unknown to Batch, which forgets jobs a week after their end"),
        (Dependency(ONE, None), {"status": "FAILED"}, "has failed already, so this job would never start"),
        (Dependency(ONE, "N_TO_N"), {"status": "RUNNING"}, "is no array; N_TO_N needs an array of 4"),
        (Dependency(ONE, "N_TO_N"), ARRAY, "is an array of 3; N_TO_N needs an array of 4"),
    ],
)
def test_what_can_never_be_met_is_told(dependency: Dependency, job: dict[str, Any] | None, problem: str) -> None:
    assert problem in next(unmet([dependency], 4, {ONE: job} if job else {}))


def test_what_can_be_met_is_taken() -> None:
    jobs = {ONE: ARRAY, TWO: {"status": "SUCCEEDED"}}
    wanted = [Dependency(ONE, "N_TO_N"), Dependency(TWO, None), Dependency(None, "SEQUENTIAL")]
    assert list(unmet(wanted, 3, jobs)) == []
