"""Does a compute node find what it must have, and say what is wrong where it does not?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from shoal_node import compute
from shoal_node.compute import check_fabric, found_gpus, found_memory, link_gpus
from shoal_node.services import quoted
from shoal_node.shell import NodeError
from shoal_node.slurm.installation import check_node_daemon
from tests.support.node_settings import COMPUTE

Program = Callable[[str, str], None]
HELP = "echo '   -Z        Start as Dynamic Normal node.'"


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Install a program of this text on a system that has no other."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("shoal_node.shell.SYSTEM_PATH", str(tmp_path))

    def installed(name: str, text: str) -> None:
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    return installed


def test_gpus_are_given_to_jobs_where_the_driver_shows_all(program: Program) -> None:
    program("nvidia-smi", "echo 'GPU 0: Tesla T4 (UUID: GPU-a)'; echo 'GPU 1: Tesla T4 (UUID: GPU-b)'")
    assert found_gpus(replace(COMPUTE, gpus=2)) == 2


@pytest.mark.parametrize("text", ["echo 'GPU 0: Tesla T4 (UUID: GPU-a)'", "echo no driver; exit 9"])
def test_gpus_are_not_given_to_jobs_where_the_driver_shows_fewer(
    text: str, program: Program, caplog: pytest.LogCaptureFixture
) -> None:
    program("nvidia-smi", text)
    assert found_gpus(replace(COMPUTE, gpus=2)) == 0
    assert "of the 2 GPUs: jobs get none" in caplog.text


def test_gpus_are_not_given_to_jobs_where_there_is_no_driver(
    program: Program, caplog: pytest.LogCaptureFixture
) -> None:
    assert found_gpus(replace(COMPUTE, gpus=2)) == 0
    assert "nvidia-smi is not installed" in caplog.text


@pytest.mark.parametrize(("working", "device"), [(True, "/dev/nvidia1"), (False, "/dev/null")])
def test_the_files_that_slurm_is_told_of_are_there_with_and_without_a_driver(
    working: bool, device: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compute, "GPU_LINKS", str(tmp_path / "gpus/gpu"))
    for _ in range(2):
        link_gpus(2, working=working)
    assert str((tmp_path / "gpus/gpu1").readlink()) == device


def test_a_fabric_that_must_be_there_is_looked_for(program: Program) -> None:
    program("fi_info", "echo 'provider: efa'")
    check_fabric(replace(COMPUTE, efa=True))


@pytest.mark.parametrize("text", ["echo 'fi_getinfo: -61 (No data available)'; exit 61", "echo 'provider: tcp'"])
def test_a_node_without_the_fabric_fails(text: str, program: Program) -> None:
    program("fi_info", text)
    with pytest.raises(NodeError, match="`fi_info -p efa` finds no adapter"):
        check_fabric(replace(COMPUTE, efa=True))


def test_a_node_without_the_fabrics_software_fails(program: Program) -> None:
    with pytest.raises(NodeError, match="fi_info is not installed"):
        check_fabric(replace(COMPUTE, efa=True))


def test_nothing_is_looked_for_where_no_fabric_is_wanted(program: Program) -> None:
    check_fabric(COMPUTE)


@pytest.mark.parametrize("version", ["slurm 22.05.8", "slurm-wlm 22.05.8", "slurm 22.05.8-1"])
def test_a_node_with_the_head_nodes_slurm_joins(version: str, program: Program) -> None:
    program("slurmd", f'[ "$1" = -V ] && echo {version} || {HELP}')
    check_node_daemon("22.05.8")


def test_a_node_with_another_slurm_fails_and_says_so(program: Program) -> None:
    program("slurmd", "echo slurm-wlm 23.11.4")
    with pytest.raises(NodeError, match=r"this node has Slurm 23\.11\.4, the head node 22\.05\.8"):
        check_node_daemon("22.05.8")


def test_a_slurm_whose_nodes_cannot_join_a_running_cluster_fails_and_says_so(program: Program) -> None:
    program("slurmd", '[ "$1" = -V ] && echo slurm-wlm 21.08.5 || echo "   -v   Verbose mode."')
    with pytest.raises(NodeError, match=r"slurmd 21\.08\.5 knows no option -Z"):
        check_node_daemon("21.08.5")


def test_the_memory_of_a_node_is_what_slurm_finds() -> None:
    assert found_memory("NodeName=a CPUs=2 Boards=1 RealMemory=3820\nUpTime=0-00:01:00\n") == 3820


@pytest.mark.parametrize(
    ("argument", "text"),
    [("Feature=a,b Gres=gpu:1", '"Feature=a,b Gres=gpu:1"'), ('50% of "$x" \\', '"50%% of \\"$$x\\" \\\\"')],
)
def test_an_argument_means_nothing_else_to_systemd(argument: str, text: str) -> None:
    assert quoted(argument) == text
