"""Is one munge key made for a cluster, kept by a head node that is set up again, and taken by its nodes?"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from shoal_node import munge
from shoal_node.contract import Settings
from shoal_node.shell import NodeError
from tests.support.fleet_account import FleetAccount, fleet_account
from tests.support.node_settings import COMPUTE, HEAD


@pytest.fixture
def account() -> Iterator[FleetAccount]:
    with fleet_account(()) as made:
        yield made


@pytest.fixture(autouse=True)
def calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The programs that were run; the key is written into a folder of the test's."""
    made: list[str] = []

    def run(*command: str, **_: object) -> CompletedProcess[str]:
        made.append(" ".join(command))
        return CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(munge, "run", run)
    monkeypatch.setattr(munge, "slurm_version", lambda _: "22.05.8")
    monkeypatch.setattr(munge, "KEY_FILE", tmp_path / "munge.key")
    monkeypatch.setattr(munge, "MADE", tmp_path / "made")
    return made


def test_the_head_nodes_key_is_the_one_its_nodes_take(account: FleetAccount) -> None:
    munge.make_key(HEAD)
    made = munge.KEY_FILE.read_bytes()
    assert len(made) == 1024
    assert munge.take_key(COMPUTE) == munge.Secret(made, "22.05.8")


def test_only_munge_reads_the_key(account: FleetAccount, calls: list[str]) -> None:
    munge.make_key(HEAD)
    assert munge.KEY_FILE.stat().st_mode & 0o777 == 0o400
    assert calls[0].startswith("chown munge:munge ")


def test_munge_is_started_again_with_the_new_key(account: FleetAccount, calls: list[str]) -> None:
    munge.KEY_FILE.write_bytes(b"the key that the package made")
    munge.make_key(HEAD)
    assert calls[-1] == "systemctl restart munge"


def test_a_key_that_is_in_place_disturbs_no_munge_that_runs(account: FleetAccount, calls: list[str]) -> None:
    munge.make_key(HEAD)
    calls.clear()
    munge.make_key(HEAD)
    assert calls == ["systemctl enable --now munge"]


def test_a_head_node_that_is_set_up_anew_takes_the_key_that_its_nodes_have(
    account: FleetAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    munge.make_key(HEAD)
    before = munge.KEY_FILE.read_bytes()
    munge.KEY_FILE.unlink()
    monkeypatch.setattr(munge, "slurm_version", lambda _: "23.11.4")
    munge.make_key(HEAD)
    assert munge.KEY_FILE.read_bytes() == before
    assert account.item(munge.ITEM)["slurmVersion"] == {"S": "23.11.4"}


def test_a_key_that_the_image_brought_is_not_the_clusters(account: FleetAccount) -> None:
    munge.KEY_FILE.write_bytes(b"the same in every cluster of this image")
    munge.make_key(HEAD)
    assert munge.KEY_FILE.read_bytes() != b"the same in every cluster of this image"


@pytest.mark.parametrize("restore", [munge.restore_key, munge.make_key])
def test_a_table_that_was_emptied_gets_the_key_that_the_nodes_have(
    restore: Callable[[Settings], None], account: FleetAccount
) -> None:
    munge.make_key(HEAD)
    before = munge.KEY_FILE.read_bytes()
    account.client("dynamodb").delete_item(TableName="nodes", Key={"pk": {"S": munge.ITEM}})
    restore(HEAD)
    assert munge.take_key(COMPUTE).key == before


def test_the_key_stands_nowhere_in_the_log(account: FleetAccount, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "shoal_node")
    munge.make_key(HEAD)
    munge.take_key(COMPUTE)
    assert base64.b64encode(munge.KEY_FILE.read_bytes()).decode()[:20] not in caplog.text


def test_a_node_does_not_wait_for_a_key_for_ever(account: FleetAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(munge, "WAIT_SECONDS", 0)
    with pytest.raises(NodeError, match="a munge key of the head node: none within 0 seconds"):
        munge.take_key(COMPUTE)
