"""Are Slurm's programs understood, in the versions that are supported, and told apart when they know nothing?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from shoal_node.jobs import PendingJob
from shoal_node.slurm import nodes, queue
from shoal_node.slurm.commands import SlurmAwayError, SlurmError, SlurmRefusedError, refusal, slurm

LINE_22_05 = (
    "NodeName=main-small-10-9-1-1 Arch=x86_64 CoresPerSocket=1 CPUAlloc=0 CPUEfctv=2 CPUTot=2 CPULoad=0.20 "
    "AvailableFeatures=main,small ActiveFeatures=main,small Gres=(null) NodeAddr=10.9.1.1 NodeHostName=ip-10-9-1-1 "
    "Version=22.05.8 OS=Linux 6.1 #1 SMP State=IDLE+DRAIN+DYNAMIC_NORM RealMemory=1 Partitions=main "
    "BootTime=2026-11-24T10:00:00 CfgTRES=cpu=2,mem=1M,billing=2 ExtSensorsTemp=n/s "
    "Reason=shoal: idle [root@2026-11-24T15:00:00]"
)
LINE_23_11 = (
    "NodeName=n1 Arch=x86_64 ActiveFeatures=a OS=Linux 6.8 State=DOWN+DYNAMIC_NORM+NOT_RESPONDING RealMemory=1 "
    "ExtSensorsTemp=n/a Reason=Not responding [slurm@2026-11-24T15:00:00] Comment=made by hand"
)
MARKED = "NodeName=n1 ActiveFeatures=(null) State=IDLE* RealMemory=1"
MOMENT = 1_795_532_400.0


def test_a_node_is_read_with_its_states_features_and_reason() -> None:
    node = nodes.parse_node(LINE_22_05)
    assert node.name == "main-small-10-9-1-1"
    assert node.states == {"IDLE", "DRAIN", "DYNAMIC_NORM"}
    assert node.features == {"main", "small"}
    assert (node.reason, node.reason_at) == ("shoal: idle", MOMENT)
    assert (node.up, node.draining, node.down) == (True, True, False)


def test_a_reason_of_a_later_version_ends_before_the_comment() -> None:
    node = nodes.parse_node(LINE_23_11)
    assert (node.reason, node.reason_at) == ("Not responding", MOMENT)
    assert (node.up, node.down) == (False, True)


@pytest.mark.parametrize(
    ("line", "extra"),
    [
        (f"{LINE_22_05} Extra=shoal: awaited until 7", "shoal: awaited until 7"),
        (
            "NodeName=n State=IDLE Extra=shoal: awaited until 7 Reason=by hand [root@2026-11-24T15:00:00]",
            "shoal: awaited until 7",
        ),
        ("NodeName=n State=IDLE Extra=shoal: awaited until 7 Comment=mine", "shoal: awaited until 7"),
        (LINE_22_05, ""),
    ],
)
def test_the_text_that_we_gave_a_node_is_read_wherever_it_stands(line: str, extra: str) -> None:
    assert nodes.parse_node(line).extra == extra


def test_a_mark_after_a_state_is_a_state_too() -> None:
    node = nodes.parse_node(MARKED)
    assert node.states == {"IDLE", "NOT_RESPONDING"}
    assert node.features == frozenset()
    assert not node.up


def line(**told: str) -> str:
    usual = {
        "JobArrayID": "7_2",
        "Partition": "main,other",
        "tres-alloc": "cpu=3,mem=1500M,node=2,billing=3",
        "NumTasks": "3",
        "MinCpus": "1",
        "MinMemory": "500M",
        "tres-per-node": "N/A",
        "tres-per-job": "N/A",
        "tres-per-task": "N/A",
        "OverSubscribe": "OK",
        "Feature": "(null)",
        "StartTime": "N/A",
        "RestartCnt": "0",
        "ReqNodes": "",
        "Reason": "ReqNodeNotAvail, May be reserved for other job",
    }
    return "".join(f"{(usual | told)[field]}{queue.SEPARATOR}" for field in queue.FIELDS)


def test_a_job_is_read_with_all_that_it_needs() -> None:
    assert queue.parse_job(line()) == PendingJob(
        job_id="7_2",
        queues=("main", "other"),
        reason="ReqNodeNotAvail, May be reserved for other job",
        nodes=2,
        cpus=3,
        tasks=3,
        node_memory=500,
        memory=1500,
    )


def test_a_constraint_with_a_bar_is_one_field() -> None:
    assert queue.parse_job(line(Feature="small|large")).features == "small|large"


@pytest.mark.parametrize(
    ("told", "field", "value"),
    [
        ({"OverSubscribe": "NO"}, "exclusive", True),
        ({"OverSubscribe": "USER"}, "exclusive", True),
        ({"StartTime": "2026-11-24T15:00:00"}, "begins", MOMENT),
        ({"RestartCnt": "2"}, "restarts", 2),
        ({"ReqNodes": "main-small-10-0-0-1"}, "names_nodes", True),
        ({"tres-per-node": "gres:gpu:a100:2"}, "gpus_per_node", 2),
        ({"tres-per-job": "gres/gpu=3"}, "gpus", 3),
        ({"tres-per-task": "gres/gpu:1"}, "gpus_per_task", 1),
        ({"Reason": ""}, "reason", "None"),
    ],
)
def test_a_field_of_a_job_is_read(told: dict[str, str], field: str, value: object) -> None:
    assert getattr(queue.parse_job(line(**told)), field) == value


def test_a_line_with_other_fields_is_an_error_and_no_job() -> None:
    with pytest.raises(SlurmRefusedError, match="1 fields instead of"):
        queue.parse_job("7_2")


@pytest.mark.parametrize(
    ("text", "mebibytes"),
    [
        ("500M", 500),
        ("3G", 3072),
        ("1.50G", 1536),
        ("1T", 1048576),
        ("0", 0),
        ("", 0),
        ("10K", 1),
        ("512", 512),
        ("?", 0),
    ],
)
def test_memory_is_read_in_every_unit(text: str, mebibytes: int) -> None:
    assert queue.mebibytes(text) == mebibytes


@pytest.mark.parametrize(
    ("text", "gpus"),
    [
        ("N/A", 0),
        ("gres:gpu:1", 1),
        ("gres:gpu", 1),
        ("gpu:tesla:4(S:0-1)", 4),
        ("gres/gpu:a100:2,gres/gpu:v100:1", 3),
        ("gres:disk:9", 0),
        ("gres/gpu=2", 2),
        ("gres:gpu:tesla", 1),
    ],
)
def test_gpus_are_read_as_every_version_writes_them(text: str, gpus: int) -> None:
    assert queue.gpus(text) == gpus


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ("slurm_load_jobs error: Unable to contact slurm controller (connect failure)", SlurmAwayError),
        ("slurm_load_node error: Socket timed out on send/recv operation", SlurmAwayError),
        ("slurm_load_jobs error: Zero Bytes were transmitted or received", SlurmAwayError),
        ("slurm_load_jobs error: Protocol authentication error", SlurmAwayError),
        ("error: Munge encode failed: Failed to access socket\nslurm_load_jobs error: Unspecified", SlurmAwayError),
        (
            "scontrol: error: fetch_config: DNS SRV lookup failed\nCould not establish a configuration source",
            SlurmAwayError,
        ),
        ("squeue: error: Invalid node name nonesuch", SlurmRefusedError),
        ("slurm_update error: Invalid node name specified", SlurmRefusedError),
        ("delete_node nodename=n1: Requested nodes are busy", SlurmRefusedError),
        ("", SlurmRefusedError),
    ],
)
def test_a_scheduler_that_does_not_answer_is_no_answer(told: str, kind: type[SlurmError]) -> None:
    assert type(refusal("scontrol", "", told)) is kind


def test_a_program_that_is_not_there_tells_nothing() -> None:
    with pytest.raises(SlurmAwayError):
        slurm("no-such-program-of-slurm")


Programs = Callable[[str, str], Path]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """Puts a program of Slurm first on PATH: it writes its arguments down, then runs a script."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    def put(name: str, script: str) -> Path:
        calls = tmp_path / "calls"
        (tmp_path / name).write_text(f'#!/bin/sh\necho "$@" >> {calls}\n{script}\n')
        (tmp_path / name).chmod(0o755)
        return calls

    return put


def test_a_node_goes_down_before_it_is_deleted(program: Programs) -> None:
    calls = program("scontrol", "exit 0")
    nodes.remove(["n1"])
    update, delete = calls.read_text().splitlines()
    assert update.startswith("update nodename=n1 state=down")
    assert delete == "delete nodename=n1"


def test_a_node_that_is_gone_is_removed_already(program: Programs) -> None:
    program("scontrol", "echo 'slurm_update error: Invalid node name specified' >&2; exit 1")
    nodes.remove(["n1"])


def test_many_nodes_are_removed_by_two_calls(program: Programs) -> None:
    calls = program("scontrol", "exit 0")
    nodes.remove(["n1", "n2", "n3"])
    assert [line.split()[1] for line in calls.read_text().splitlines()] == ["nodename=n1,n2,n3"] * 2


def test_one_node_that_is_gone_keeps_no_other(program: Programs) -> None:
    gone = 'case "$2" in *n2*) echo "Invalid node name specified" >&2; exit 1;; esac'
    calls = program("scontrol", gone)
    nodes.remove(["n1", "n2", "n3"])
    assert [line for line in calls.read_text().splitlines() if line.startswith("delete")] == [
        "delete nodename=n1",
        "delete nodename=n3",
    ]


def test_a_node_that_slurm_keeps_is_an_error(program: Programs) -> None:
    program("scontrol", "echo 'Requested nodes are busy' >&2; exit 1")
    with pytest.raises(SlurmRefusedError, match="busy"):
        nodes.remove(["n1"])


def test_a_node_that_slurm_does_not_have_is_none(program: Programs) -> None:
    program("scontrol", "echo 'Node n1 not found'; exit 1")
    assert nodes.node("n1") is None


def test_a_node_is_unknown_while_slurm_is_away(program: Programs) -> None:
    program("scontrol", "echo 'Unable to contact slurm controller (connect failure)' >&2; exit 1")
    with pytest.raises(SlurmAwayError):
        nodes.node("n1")


def test_placeholders_are_no_nodes(program: Programs) -> None:
    program(
        "scontrol",
        "echo 'NodeName=main-small-future1 State=FUTURE+DYNAMIC_NORM X=1'; echo 'NodeName=n1 State=IDLE X=1'",
    )
    assert set(nodes.nodes()) == {"n1"}


@pytest.mark.parametrize(("word", "up"), [("UP", True), ("DOWN", False)])
def test_a_ping_says_whether_slurm_answers(program: Programs, word: str, up: bool) -> None:
    program("scontrol", f"echo 'Slurmctld(primary) at head is {word}'")
    assert nodes.answers() is up


def test_a_job_that_cannot_go_back_to_the_queue_is_let_be(program: Programs) -> None:
    program("scontrol", "echo 'Requested operation is presently disabled' >&2; exit 1")
    assert not queue.requeue("7")


def test_what_a_user_set_for_squeue_changes_nothing(program: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQUEUE_STATES", "all")
    program("squeue", 'test -z "$SQUEUE_STATES" && echo 5')
    assert queue.jobs_on("n1") == ["5"]
    assert queue.count_running() == 1
