"""Do node names resolve on every node, and is nothing else in the files touched?"""

from __future__ import annotations

from pathlib import Path

import pytest

from shoal_node import hosts
from shoal_node.decide import Record, State
from shoal_node.hosts import BEGIN, END, copy_hosts, host_lines, keep_hosts, with_block

OWN = "127.0.0.1 localhost\n10.0.0.9 mine # hand-made\n"


def record(number: int, address: str, state: State = State.READY, launched_at: int = 1) -> Record:
    name = f"main-small-{address.replace('.', '-')}"
    return Record(f"i-{number}", name, "main", "small", address, state, launched_at, launched_at)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files of one machine that is head and compute node in one."""
    for constant, name in (("HOSTS_FILE", "hosts"), ("SHARED_HOSTS_FILE", "shared"), ("CLIENTS_FILE", "slurm.conf")):
        monkeypatch.setattr(hosts, constant, tmp_path / name)
    (tmp_path / "hosts").write_text(OWN)
    return tmp_path


def test_every_node_that_has_not_ended_has_a_line() -> None:
    records = [record(1, "10.0.0.2"), record(2, "10.0.0.1"), record(3, "10.0.0.3", State.TERMINATING)]
    assert host_lines(records) == ["10.0.0.1 main-small-10-0-0-1", "10.0.0.2 main-small-10-0-0-2"]


def test_a_name_that_an_ended_instance_had_too_stands_once() -> None:
    records = [record(2, "10.0.0.1", launched_at=9), record(1, "10.0.0.1", State.FAILED, launched_at=1)]
    assert host_lines(records) == ["10.0.0.1 main-small-10-0-0-1"]


@pytest.mark.parametrize("lines", [[], ["10.0.0.1 a"], ["10.0.0.1 a", "10.0.0.2 b"]])
def test_what_somebody_else_wrote_stays_and_ours_is_replaced(lines: list[str]) -> None:
    text = with_block(with_block(OWN, ["10.0.0.7 old"]), lines)
    assert text.startswith(OWN)
    assert "old" not in text
    assert [line for line in text.splitlines()[2:] if line not in (BEGIN, END)] == lines


def test_a_block_without_an_end_takes_the_rest_with_it() -> None:
    assert with_block(f"{OWN}{BEGIN}\n10.0.0.7 old\n", []) == OWN


def test_a_compute_node_has_the_head_nodes_list_in_its_hosts_file_and_for_slurms_programs(files: Path) -> None:
    (files / "slurm.conf").write_text("ClusterName=c\n")
    keep_hosts([record(1, "10.0.0.1")])
    (files / "hosts").write_text(OWN)
    copy_hosts()
    assert "10.0.0.1 main-small-10-0-0-1\n" in (files / "hosts").read_text()
    assert "NodeName=main-small-10-0-0-1 NodeAddr=10.0.0.1 State=CLOUD\n" in (files / "slurm.conf").read_text()


def test_a_node_whose_head_has_no_list_yet_or_that_has_no_configuration_of_its_own_goes_on(files: Path) -> None:
    copy_hosts()
    assert (files / "hosts").read_text() == OWN
    (files / "shared").write_text("10.0.0.1 a\n")
    copy_hosts()
    assert not (files / "slurm.conf").exists()
