"""Are the ledger's transactions conditional on what must not have changed?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal import ledger

NOW = datetime(2026, 11, 24, 10, 15, 30, tzinfo=UTC)
MOMENTS = st.timedeltas(timedelta(0), timedelta(days=20_000)).map(lambda later: NOW + later)
START = ledger.Start("op-1", "create", "genomics", "arn:execution", NOW, NOW + timedelta(hours=2), False)


def kinds(transaction: list[dict[str, Any]]) -> list[str]:
    return [next(iter(write)) for write in transaction]


@pytest.mark.parametrize("registers", [True, False])
def test_every_write_that_begins_an_operation_has_a_condition(registers: bool) -> None:
    for write in ledger.begin(START, registers=registers):
        ((_, arguments),) = write.items()
        assert arguments["ConditionExpression"]


def test_a_free_lock_is_taken_and_a_dead_holders_only_from_that_holder() -> None:
    lock = ledger.begin(START, registers=False, dead_holder="op-0")[0]["Update"]
    assert lock["ConditionExpression"] == "holder = :dead"
    assert lock["ExpressionAttributeValues"][":dead"] == "op-0"


def test_the_fence_grows_with_every_holder() -> None:
    assert "ADD fence :one" in ledger.begin(START, registers=False)[0]["Update"]["UpdateExpression"]


def test_only_a_new_cluster_is_registered_at_the_beginning() -> None:
    assert kinds(ledger.begin(START, registers=True)) == ["Update", "Put", "Put"]
    assert kinds(ledger.begin(START, registers=False)) == ["Update", "Put"]


def test_an_operation_ends_once_and_only_by_the_locks_holder() -> None:
    key = ledger.operation_key("genomics", "op-1")
    end = ledger.end(key, "op-1", "genomics", {"status": "SUCCEEDED"}, {"clusterName": "genomics"}, forget=False)
    assert end[0]["Update"]["ConditionExpression"] == "#status = :running"
    assert end[1]["Update"]["ConditionExpression"] == "holder = :holder"
    assert kinds(end) == ["Update", "Update", "Put"]


def test_a_cluster_that_is_gone_is_forgotten() -> None:
    key = ledger.operation_key("genomics", "op-1")
    assert kinds(ledger.end(key, "op-1", "genomics", {"status": "SUCCEEDED"}, {}, forget=True))[-1] == "Delete"


def test_history_expires_and_clusters_do_not() -> None:
    assert ledger.operation_item(START)["expiresAt"] == int((NOW + ledger.HISTORY).timestamp())
    assert "expiresAt" not in ledger.begin(START, registers=True)[2]["Put"]["Item"]


@given(st.text(min_size=1), MOMENTS)
def test_an_operations_id_is_the_same_for_every_try_and_fits_an_executions_name(arn: str, when: datetime) -> None:
    identity = ledger.operation_id(arn, when)
    assert identity == ledger.operation_id(arn, when)
    # 80 characters, https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
    assert len(f"{identity}-clean-repository") <= 80


@given(MOMENTS, st.integers(1, 10**8))
def test_operation_ids_sort_by_time(when: datetime, seconds: int) -> None:
    assert ledger.operation_id("a", when)[:18] <= ledger.operation_id("b", when + timedelta(seconds=seconds))[:18]
