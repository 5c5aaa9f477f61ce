"""Is everything read that a job wrote, once, from the right stream, and does following end?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from shoal_cli.exits import CommandError
from shoal_cli.jobs.output import LARGEST_PAGE, Stream, chosen, follow, line, read, streams, writer

GROUP, NAME = "/shoal/genomics-1/jobs", "main/default/1"
JOB_ID = "01234567-89ab-cdef-0123-456789abcdef"


@pytest.fixture
def logs() -> Iterator[Stubber]:
    client = boto3.client("logs", "us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def expect(logs: Stubber, *messages: str, sent: str | None, forward: str, name: str = NAME, **asked: Any) -> None:
    """The next call of GetLogEvents: which token it sends, what it gets."""
    arguments = {"startFromHead": True, "limit": LARGEST_PAGE, **({"nextToken": sent} if sent else {}), **asked}
    answer = {
        "events": [{"timestamp": 0, "message": message} for message in messages],
        "nextForwardToken": forward,
        "nextBackwardToken": f"back-{forward}",
    }
    logs.add_response("get_log_events", answer, {"logGroupName": GROUP, "logStreamName": name, **arguments})


def stream(logs: Stubber, name: str = NAME) -> Stream:
    return Stream(logs.client, GROUP, name)


def messages(events: Any) -> list[str]:
    return [event["message"] for event in events]


def test_a_stream_is_read_to_the_token_that_comes_back_though_a_page_is_empty(logs: Stubber) -> None:
    expect(logs, "a", "b", sent=None, forward="f/1")
    expect(logs, sent="f/1", forward="f/2")
    expect(logs, "c", sent="f/2", forward="f/3")
    expect(logs, sent="f/3", forward="f/3")
    assert messages(read(stream(logs), None, None)) == ["a", "b", "c"]


def test_the_first_lines_are_asked_for_and_no_more(logs: Stubber) -> None:
    expect(logs, "a", "b", sent=None, forward="f/1", limit=2)
    assert messages(read(stream(logs), 2, None)) == ["a", "b"]


def test_the_first_lines_may_be_spread_over_pages(logs: Stubber) -> None:
    expect(logs, "a", sent=None, forward="f/1", limit=2)
    expect(logs, "b", sent="f/1", forward="f/2", limit=2)
    assert messages(read(stream(logs), 2, None)) == ["a", "b"]


def test_the_last_lines_are_collected_backwards(logs: Stubber) -> None:
    expect(logs, "c", "d", sent=None, forward="f/1", limit=3, startFromHead=False)
    expect(logs, "b", sent="back-f/1", forward="f/0", limit=1, startFromHead=False)
    assert messages(read(stream(logs), None, 3)) == ["b", "c", "d"]


def test_more_last_lines_than_there_are_end_with_the_token_that_comes_back(logs: Stubber) -> None:
    expect(logs, "a", sent=None, forward="f/1", limit=9, startFromHead=False)
    expect(logs, sent="back-f/1", forward="f/1", limit=8, startFromHead=False)
    assert messages(read(stream(logs), None, 9)) == ["a"]


def test_a_stream_that_is_not_there_yet_is_empty(logs: Stubber) -> None:
    for _ in range(2):
        logs.add_client_error("get_log_events", "ResourceNotFoundException", "The specified log stream does not exist.")
    assert messages(read(stream(logs), None, None)) == []
    assert messages(read(stream(logs), None, 5)) == []


class Course:
    """A job whose states come one after the other; each description is the next one."""

    def __init__(self, *jobs: dict[str, Any]) -> None:
        self.jobs = list(jobs)
        self.pauses = 0

    def describe(self) -> dict[str, Any]:
        return self.jobs.pop(0) if len(self.jobs) > 1 else self.jobs[0]

    def pause(self) -> None:
        self.pauses += 1
        assert self.pauses < 20


def state(status: str, *attempts: str, now: str | None = None) -> dict[str, Any]:
    container = {"logStreamName": now} if now else {}
    ended = [{"container": {"logStreamName": name}} for name in attempts]
    return {"jobId": JOB_ID, "status": status, "attempts": ended, "container": container}


def followed(logs: Stubber, course: Course, tail: int | None = None) -> list[str]:
    return messages(follow(lambda name: stream(logs, name), course.describe, tail, course.pause))


def test_following_goes_on_until_the_job_has_ended_and_its_last_lines_have_come(logs: Stubber) -> None:
    expect(logs, "one", sent=None, forward="f/1")
    expect(logs, sent="f/1", forward="f/1")
    expect(logs, sent="f/1", forward="f/1")  # it has ended, and nothing is new
    expect(logs, "late", sent="f/1", forward="f/2")  # what its host handed on late
    expect(logs, sent="f/2", forward="f/2")
    expect(logs, sent="f/2", forward="f/2")
    expect(logs, sent="f/2", forward="f/2")
    course = Course(state("RUNNABLE"), state("RUNNING", now=NAME), state("SUCCEEDED", NAME, now=NAME))
    assert followed(logs, course) == ["one", "late"]


def test_following_goes_on_with_the_next_attempt(logs: Stubber) -> None:
    expect(logs, "first", sent=None, forward="f/1")
    expect(logs, sent="f/1", forward="f/1")
    expect(logs, sent="f/1", forward="f/1")
    expect(logs, "second", sent=None, forward="s/1", name="main/default/2")
    expect(logs, sent="s/1", forward="s/1", name="main/default/2")
    for _ in range(2):
        expect(logs, sent="f/1", forward="f/1")
        expect(logs, sent="s/1", forward="s/1", name="main/default/2")
    course = Course(state("RUNNING", now=NAME), state("FAILED", NAME, "main/default/2", now="main/default/2"))
    assert followed(logs, course) == ["first", "second"]


def test_following_begins_with_the_newest_attempt_and_the_last_lines_that_are_wanted(logs: Stubber) -> None:
    expect(logs, "old", sent=None, forward="f/1", limit=1, startFromHead=False)
    expect(logs, "new", sent="f/1", forward="f/2")
    expect(logs, sent="f/2", forward="f/2")
    for _ in range(2):
        expect(logs, sent="f/2", forward="f/2")
    course = Course(state("FAILED", "main/default/0", NAME, now=NAME))
    assert followed(logs, course, tail=1) == ["old", "new"]


def test_a_job_that_wrote_nothing_ends_the_following(logs: Stubber) -> None:
    course = Course(state("RUNNABLE"), state("FAILED"))
    assert followed(logs, course) == []
    assert course.pauses == 2


def test_the_streams_of_all_attempts_are_known_once_each() -> None:
    assert streams(state("RUNNING", "a", "b", now="c")) == ["a", "b", "c"]
    assert streams(state("FAILED", "a", "b", now="b")) == ["a", "b"]
    assert streams({"attempts": [{"container": {}}]}) == []


def test_the_newest_attempt_is_read_unless_another_is_asked_for() -> None:
    job = state("FAILED", "a", "b")
    assert (chosen(job, None), chosen(job, 1), chosen(state("RUNNABLE"), None)) == (["b"], ["a"], [])
    with pytest.raises(CommandError, match=r"--attempt 3 has no output; the job .* has 2 attempts with output"):
        chosen(job, 3)


def test_the_main_node_writes_for_a_multi_node_job_and_a_child_is_named_for_an_array() -> None:
    nodes = {"jobId": JOB_ID, "nodeProperties": {"numNodes": 3, "mainNode": 0}}
    array = {"jobId": JOB_ID, "arrayProperties": {"size": 3}}
    assert writer(nodes) == f"{JOB_ID}#0"
    assert writer({"jobId": f"{JOB_ID}#2", **{"nodeProperties": {"numNodes": 3, "nodeIndex": 2}}}) == f"{JOB_ID}#2"
    with pytest.raises(CommandError, match=f"is an array; name a child, {JOB_ID}:0 to {JOB_ID}:2"):
        writer(array)


def test_a_line_may_have_its_time() -> None:
    event = {"timestamp": 1_795_000_000_123, "message": "hello"}
    assert line(event, timestamps=False) == "hello"
    assert line(event, timestamps=True) == "2026-11-18T11:06:40.123+00:00 hello"
