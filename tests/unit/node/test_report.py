"""Does what a node reports fit into what CloudWatch takes?"""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st

from shoal_node import report
from shoal_node.contract import read_settings
from shoal_node.report import MOST_BYTES, MOST_EVENTS, MOST_MILLISECONDS, OVERHEAD, batches, journal, memory_used
from tests.support.node_settings import HEAD

DAY = 24 * 3600 * 1000
events = st.lists(
    st.builds(
        lambda timestamp, length: {"timestamp": timestamp, "message": "é" * length},
        st.integers(0, 5 * DAY),
        st.integers(1, 30_000),
    ),
    max_size=60,
).map(lambda found: sorted(found, key=lambda event: int(event["timestamp"])))


def line(cursor: str, message: Any, **fields: str) -> str:
    entry = {"__CURSOR": cursor, "__REALTIME_TIMESTAMP": "1764000000123456", "MESSAGE": message, **fields}
    return json.dumps(entry)


@given(events)
def test_every_event_is_in_one_batch_in_order(found: list[dict[str, Any]]) -> None:
    assert [event for batch in batches(found) for event in batch] == found


@given(events)
def test_no_batch_is_larger_or_longer_than_cloudwatch_takes(found: list[dict[str, Any]]) -> None:
    for batch in batches(found):
        assert len(batch) <= MOST_EVENTS
        assert sum(len(event["message"].encode()) + OVERHEAD for event in batch) <= MOST_BYTES
        assert batch[-1]["timestamp"] - batch[0]["timestamp"] <= MOST_MILLISECONDS


def test_many_short_events_are_more_than_one_batch() -> None:
    many = [{"timestamp": 0, "message": "x"}] * (MOST_EVENTS + 1)
    assert [len(batch) for batch in batches(many)] == [MOST_EVENTS, 1]


def test_the_journal_becomes_events_and_the_last_cursor() -> None:
    found, cursor = journal([line("a", "started", SYSLOG_IDENTIFIER="sshd"), line("b", "up")])
    assert [event["message"] for event in found["journal"]] == ["sshd: started", "kernel: up"]
    assert found["journal"][0]["timestamp"] == 1764000000123
    assert cursor == "b"


@pytest.mark.parametrize(
    ("message", "text"), [([72, 105, 255], "kernel: Hi\ufffd"), ("x" * 70_000, "kernel: " + "x" * 65_528)]
)
def test_a_message_that_is_no_text_or_too_long_is_sent_as_well_as_it_can(message: Any, text: str) -> None:
    (event,) = journal([line("a", message)])[0]["journal"]
    assert event["message"] == text


def test_a_line_without_a_message_is_passed_over() -> None:
    assert journal([line("a", None)]) == ({}, "a")


def test_the_lines_of_slurm_and_of_our_daemons_go_into_streams_of_their_own() -> None:
    found, _ = journal([line("a", "up", SYSLOG_IDENTIFIER="slurmctld"), line("b", "in", SYSLOG_IDENTIFIER="sshd")])
    assert {name: [event["message"] for event in events] for name, events in found.items()} == {
        "slurmctld": ["up"],
        "journal": ["sshd: in"],
    }


def test_lines_that_cloudwatch_does_not_take_though_it_answers_well_are_counted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings = read_settings(json.dumps({**HEAD.as_dict(), "log_group": "group"}))
    monkeypatch.setattr(report, "instance_id", lambda: "i-1")
    logs = boto3.client("logs", region_name="eu-west-1", aws_access_key_id="t", aws_secret_access_key="t")
    with Stubber(logs) as stub:
        stub.add_response("create_log_stream", {})
        stub.add_response("put_log_events", {"rejectedLogEventsInfo": {"tooOldLogEventEndIndex": 1}})
        monkeypatch.setattr(report, "client", lambda *_: logs)
        report.send(settings, "journal", [{"timestamp": 1, "message": "old"}, {"timestamp": 2, "message": "new"}])
    assert "did not take 1 of 2 lines" in caplog.text


def test_an_empty_journal_moves_no_cursor() -> None:
    assert journal([]) == ({}, None)


def test_memory_that_programs_can_get_is_not_used() -> None:
    assert memory_used("MemTotal: 1000 kB\nMemFree: 10 kB\nMemAvailable: 250 kB\n") == pytest.approx(75)
