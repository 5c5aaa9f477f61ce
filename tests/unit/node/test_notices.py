"""Is every message of the queue understood, or refused in one line?"""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal_node.notices import MOST_LOG_LINES, Kind, Notice, NoticeError, node_message, parse


def wrapped(message: Any) -> str:
    return json.dumps({"Type": "Notification", "TopicArn": "topic", "Message": json.dumps(message)})


def notice(event: str, **fields: Any) -> dict[str, Any]:
    return {"Event": event, "AutoScalingGroupName": "shoal-c-small", "EC2InstanceId": "i-0abc", **fields}


@pytest.mark.parametrize("kind", [Kind.LAUNCH, Kind.TERMINATE])
def test_a_notice_of_auto_scaling_names_instance_and_group(kind: Kind) -> None:
    assert parse(wrapped(notice(kind.value))) == Notice(kind, "i-0abc", "shoal-c-small")


def test_a_launch_error_says_why_and_names_no_instance() -> None:
    told = notice(Kind.LAUNCH_ERROR.value, EC2InstanceId="", StatusMessage="InsufficientInstanceCapacity", Cause="x")
    assert parse(wrapped(told)) == Notice(
        Kind.LAUNCH_ERROR, group="shoal-c-small", cause="InsufficientInstanceCapacity"
    )


def test_the_test_notice_is_known() -> None:
    assert parse(wrapped({"Event": "autoscaling:TEST_NOTIFICATION"})).kind is Kind.TEST


def test_a_notice_is_read_without_its_envelope_too() -> None:
    assert parse(json.dumps(notice(Kind.LAUNCH.value))).instance_id == "i-0abc"


def test_what_a_node_posts_is_read_as_it_was_meant() -> None:
    lines = [f"line {number}" for number in range(50)]
    told = parse(node_message(Kind.FAILED, "i-0abc", "main", "small", lines))
    assert (told.kind, told.instance_id, told.cause) == (Kind.FAILED, "i-0abc", "line 49")
    assert told.log == tuple(lines[-MOST_LOG_LINES:])


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "not JSON"),
        ("[1]", "not a JSON object"),
        ("{}", "neither"),
        (wrapped("text"), "not a JSON object"),
        (json.dumps({"Type": "Notification"}), "not JSON"),
        (wrapped(notice("autoscaling:SOMETHING")), "nobody knows 'autoscaling:SOMETHING'"),
        (json.dumps({"shoal": "COMPUTE_BORED", "instanceId": "i-1"}), "nobody knows"),
        (json.dumps({"shoal": {}, "instanceId": "i-1"}), "nobody knows"),
        (json.dumps({"shoal": "COMPUTE_READY", "instanceId": "x"}), "instanceId is not the id"),
        (json.dumps({"shoal": "COMPUTE_FAILED", "instanceId": "i-1", "log": 5}), "not a list"),
        (wrapped(notice(Kind.LAUNCH.value, EC2InstanceId=None)), "EC2InstanceId is not the id"),
    ],
)
def test_what_nobody_can_read_is_refused_in_one_line(body: str, reason: str) -> None:
    with pytest.raises(NoticeError, match=reason):
        parse(body)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["shoal", "Event", "Type", "Message", "instanceId", "EC2InstanceId", "log"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(json_values.map(json.dumps) | st.text())
def test_no_message_ends_in_another_error(body: str) -> None:
    with contextlib.suppress(NoticeError):
        assert isinstance(parse(body), Notice)
