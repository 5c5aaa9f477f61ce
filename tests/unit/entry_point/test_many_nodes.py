"""Do the nodes of a job work together, and does the job end clearly when one of them goes?

The other side of ssh is a stand-in here; tests/containers/test_multinode.py has real nodes.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys

import pytest

from tests.support import job_node
from tests.support.polling import until
from tests.unit.entry_point.conftest import Container, Job

MEETING = "jobs/rendezvous/6f6d/1"
KEYGEN = '#!/bin/sh\nfor path; do :; done\necho private > "$path"\necho "ssh-ed25519 AAAA shoal-job" > "$path.pub"\n'
SSH = '#!/bin/sh\ncat > "$HOME/said-to-$1"\necho "Connection to $1 closed by remote host." >&2\n'
"""A node that stays, and keeps what the main node says to it."""
SSH_TO_A_NODE_THAT_GOES = (
    '#!/bin/sh\n[ "$1" = 10.0.0.1 ] && exec cat\ncat "$HOME/running"\necho Connection closed >&2\nexit 255\n'
)
"""The node goes when the command runs, and not before."""
SSHD = f"""#!{sys.executable}
import pathlib, socket, sys
config = dict(line.split(" ", 1) for line in pathlib.Path(sys.argv[-1]).read_text().splitlines())
with socket.create_server((config["ListenAddress"], int(config["Port"]))) as server:
    while True:
        server.accept()[0].close()
"""


class Node:
    """One node of a job of three."""

    def __init__(self, container: Container, number: int) -> None:
        self.container = container
        self.ssh = container.home / ".ssh"
        self.ssh.mkdir()
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        self.variables = {
            "AWS_BATCH_JOB_ID": f"6f6d#{number}",
            "AWS_BATCH_JOB_ATTEMPT": "1",
            "AWS_BATCH_JOB_NUM_NODES": "3",
            "AWS_BATCH_JOB_NODE_INDEX": str(number),
            "AWS_BATCH_JOB_MAIN_NODE_INDEX": "0",
            "SHOAL_JOBS_S3_URL": "s3://bucket/jobs",
            "SHOAL_SLOTS": "2",
            "NODE_ADDRESS": "127.0.0.1" if number else "10.0.0.10",
            "NODE_SSH_FOLDER": str(self.ssh),
            "NODE_SSH_PORT": str(port),
        }
        container.program("ssh-keygen", KEYGEN)
        container.program("ssh", SSH)
        container.program("sshd", SSHD)

    def start(self, *command: str, **variables: str) -> Job:
        return self.container.launch(
            (sys.executable, job_node.__file__, *(command or ("echo", "never"))),
            self.variables | {"SHOAL_NODES_TIMEOUT": "60"} | variables,
        )

    def run(self, *command: str, **variables: str) -> tuple[int | None, str, str]:
        process = self.start(*command, **variables)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    @property
    def notes(self) -> set[str]:
        """What stands where the nodes meet."""
        folder = self.container.bucket / MEETING
        return {path.name for path in folder.iterdir()} if folder.exists() else set()


@pytest.fixture
def main_node(container: Container) -> Node:
    for number in (1, 2):
        note = {"address": f"10.0.0.{number}", "slots": number, "public_key": f"ssh-ed25519 KEY{number}"}
        container.put(f"{MEETING}/node-{number}.json", json.dumps(note))
    return Node(container, 0)


@pytest.fixture
def child(container: Container) -> Node:
    container.put(f"{MEETING}/main.json", json.dumps({"publicKey": "ssh-ed25519 MAIN shoal-job"}))
    return Node(container, 2)


def test_the_command_runs_with_a_machine_file_of_all_nodes_the_main_one_first(main_node: Node) -> None:
    code, out, _ = main_node.run("cat", str(main_node.container.home / "hostfile"))

    assert (code, out) == (0, "10.0.0.10 slots=2\n10.0.0.1 slots=1\n10.0.0.2 slots=2\n")


def test_open_mpi_uses_that_file_unasked(main_node: Node) -> None:
    _, out, _ = main_node.run("printenv", "OMPI_MCA_orte_default_hostfile", "OMPI_MCA_plm_rsh_no_tree_spawn")

    assert out.splitlines() == [str(main_node.container.home / "hostfile"), "1"]


def test_the_main_node_can_log_in_to_the_others_and_asks_nothing(main_node: Node) -> None:
    main_node.run("true")
    known = (main_node.ssh / "shoal_known_hosts").read_text().splitlines()
    port = main_node.variables["NODE_SSH_PORT"]

    assert known == [f"[10.0.0.1]:{port} ssh-ed25519 KEY1", f"[10.0.0.2]:{port} ssh-ed25519 KEY2"]
    assert (main_node.ssh / "config").read_text().startswith(f"Host 10.0.0.1 10.0.0.2\n  Port {port}\n")
    assert "StrictHostKeyChecking yes" in (main_node.ssh / "config").read_text()


def test_a_users_own_ssh_configuration_stays_for_other_hosts(main_node: Node) -> None:
    (main_node.ssh / "config").write_text("Host git.example.org\n  User git\n")

    main_node.run("true")

    text = (main_node.ssh / "config").read_text()
    assert text.endswith("Host *\nHost git.example.org\n  User git\n")


def test_what_ssh_says_at_a_good_end_is_not_in_the_jobs_output(main_node: Node) -> None:
    assert main_node.run("true") == (0, "", "")


@pytest.mark.parametrize(("command", "code"), [("true", 0), ("false", 1)])
def test_the_other_nodes_hear_when_the_job_has_ended(main_node: Node, command: str, code: int) -> None:
    assert main_node.run(command)[0] == code

    for address in ("10.0.0.1", "10.0.0.2"):
        assert (main_node.container.home / f"said-to-{address}").read_text() == "hello\ndone\n"


def test_a_machine_file_that_cannot_be_written_ends_the_job_in_one_line(main_node: Node) -> None:
    (main_node.container.home / "hostfile").mkdir()

    code, _, err = main_node.run("true")

    assert (code, err) == (126, f"shoal-job: {main_node.container.home}/hostfile: Is a directory\n")


def test_nothing_stays_where_the_nodes_met(main_node: Node) -> None:
    main_node.run("true")

    assert main_node.notes == set()


def test_a_node_that_goes_ends_the_job_and_is_named(main_node: Node) -> None:
    running = main_node.container.home / "running"
    os.mkfifo(running)
    main_node.container.program("ssh", SSH_TO_A_NODE_THAT_GOES)

    waiting = f"trap 'echo ended' TERM; echo > {running}; tail -f /dev/null & wait"
    code, out, err = main_node.run("bash", "-c", waiting)

    assert (code, out) == (75, "ended\n")
    assert err.splitlines() == [
        "shoal-job: node 2 (10.0.0.2) is gone, and the command ends: Connection closed",
        "shoal-job: the job ended because node 2 (10.0.0.2) was lost while it ran",
    ]


def test_a_program_that_fails_first_because_a_node_went_does_not_hide_it(main_node: Node) -> None:
    running = main_node.container.home / "running"
    os.mkfifo(running)
    main_node.container.program("ssh", SSH_TO_A_NODE_THAT_GOES)

    code, _, err = main_node.run("bash", "-c", f"echo > {running}; exit 1", NODE_NOTICE_SECONDS="60")

    assert code == 75
    assert err.endswith("shoal-job: the job ended because node 2 (10.0.0.2) was lost while it ran\n")


def test_a_command_that_does_not_end_after_a_node_went_is_killed(main_node: Node) -> None:
    running = main_node.container.home / "running"
    os.mkfifo(running)
    main_node.container.program("ssh", SSH_TO_A_NODE_THAT_GOES)

    code, _, _ = main_node.run(
        "bash", "-c", f"trap '' TERM; echo > {running}; tail -f /dev/null", NODE_KILL_SECONDS="0.1"
    )

    assert code == 75


def test_all_nodes_that_went_are_named_at_the_end(main_node: Node) -> None:
    main_node.container.program("ssh", "#!/bin/sh\nexit 255\n")

    _, _, err = main_node.run("tail", "-f", "/dev/null")

    assert err.splitlines()[-1] == (
        "shoal-job: the job ended because nodes 1 (10.0.0.1), 2 (10.0.0.2) were lost while it ran"
    )


def test_a_job_that_is_told_to_end_does_not_blame_a_node(main_node: Node) -> None:
    job = main_node.start("bash", "-c", "trap 'exit 9' TERM; echo ready; tail -f /dev/null & wait")
    assert job.stdout
    assert job.stdout.readline() == "ready\n"

    job.terminate()

    assert job.communicate(timeout=30)[1] == ""
    assert job.returncode == 9


def test_nodes_that_do_not_appear_end_the_job_and_are_named(main_node: Node) -> None:
    (main_node.container.bucket / MEETING / "node-1.json").unlink()

    code, out, err = main_node.run("echo", "never", SHOAL_NODES_TIMEOUT="0")

    assert (code, out) == (69, "")
    assert err.startswith("shoal-job: node 1 of 3 did not appear within 0 s")
    assert main_node.notes == set()


def test_a_node_that_serves_hears_the_end_and_ends_well(child: Node) -> None:
    job = child.start("echo", "never")
    until(lambda: "node-2.json" in child.notes, what="the node's note")
    (child.ssh / "shoal_main").write_text("hello\ndone\n")

    out, err = job.communicate(timeout=30)

    assert (job.returncode, out) == (0, "")
    assert err.startswith("shoal-job: node 2 of 3 (127.0.0.1) serves the main node")


def test_a_node_says_where_it_is_and_by_which_key_it_is_known(child: Node) -> None:
    child.start()
    until(lambda: "node-2.json" in child.notes, what="the node's note")

    note = json.loads((child.container.bucket / MEETING / "node-2.json").read_text())
    assert note == {"address": "127.0.0.1", "slots": 2, "public_key": "ssh-ed25519 AAAA shoal-job"}
    assert (child.ssh / "shoal_authorized_keys").read_text() == "ssh-ed25519 MAIN shoal-job\n"


def test_what_the_main_node_starts_on_a_node_finds_the_variables_of_that_node(child: Node) -> None:
    child.start(GREETING="a  b", LINES="one\ntwo")
    until(lambda: "node-2.json" in child.notes, what="the node's note")

    lines = (child.ssh / "environment").read_text().splitlines()
    assert "GREETING=a  b" in lines
    assert "AWS_BATCH_JOB_ID=6f6d#2" in lines
    assert not [line for line in lines if line.startswith(("HOME=", "LINES="))]


def test_a_node_has_the_jobs_files_as_well(child: Node) -> None:
    child.container.put("jobs/key/launch.sh", "exit 1")
    child.container.put("jobs/key/program", "a program")

    child.start(SHOAL_JOB_S3_URL="s3://bucket/jobs/key/")

    until(lambda: "node-2.json" in child.notes, what="the node's note")
    assert (child.container.home / "6f6d" / "program").read_text() == "a program"


def test_a_node_whose_main_node_goes_without_a_word_fails(child: Node) -> None:
    job = child.start()
    until(lambda: "node-2.json" in child.notes, what="the node's note")
    (child.ssh / "shoal_main").write_text("hello\n")

    err = job.communicate(timeout=30)[1]

    assert job.returncode == 75
    assert err.endswith("shoal-job: the main node was lost while the job ran\n")


def test_a_node_to_which_the_main_node_never_comes_ends(child: Node) -> None:
    code, _, err = child.run(SHOAL_NODES_TIMEOUT="0")

    assert code == 69
    assert err.endswith("shoal-job: the main node did not come within 0 s (twice SHOAL_NODES_TIMEOUT)\n")


def test_a_node_whose_main_node_never_appears_ends(child: Node) -> None:
    (child.container.bucket / MEETING / "main.json").unlink()

    code, _, err = child.run(SHOAL_NODES_TIMEOUT="0")

    assert code == 69
    assert err.startswith("shoal-job: the main node, node 0, did not appear within 0 s")


def test_an_ssh_server_that_does_not_start_ends_the_node(child: Node) -> None:
    child.container.program("sshd", "#!/bin/sh\necho 'Cannot bind any address.' >&2\nexit 255\n")

    code, _, err = child.run()

    assert code == 69
    assert err == "Cannot bind any address.\nshoal-job: sshd did not start: exit code 255\n"


def test_a_node_that_serves_ends_when_it_is_told_to(child: Node) -> None:
    job = child.start()
    until(lambda: "node-2.json" in child.notes, what="the node's note")

    job.terminate()

    assert "ended by SIGTERM" in job.communicate(timeout=30)[1]
    assert job.returncode == 128 + signal.SIGTERM


def test_an_image_without_ssh_says_so(child: Node) -> None:
    (child.container.programs / "ssh-keygen").unlink()

    code, _, err = child.run(PATH=str(child.container.programs))

    assert (code, err) == (126, "shoal-job: the image has no ssh-keygen that runs (No such file or directory)\n")
