"""Does the embedded AWS start, answer, stay local and leave nothing behind?"""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from embedded_aws import process
from embedded_aws.__main__ import environment
from embedded_aws.process import EmbeddedAws, EmbeddedAwsError, Server
from tests.support.embedded import Account
from tests.support.polling import until

SLEEPER = "import time\ndef handler(event, context):\n    print('started', flush=True)\n    time.sleep(60)\n"


def _listening(pid: int) -> set[str]:
    """The addresses a process listens on, as the kernel writes them."""
    links = (str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink())
    inodes = {found[1] for link in links if (found := re.fullmatch(r"socket:\[(\d+)\]", link))}
    rows = [
        line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()
    ]
    return {row[1].split(":")[0] for row in rows if row[3] == "0A" and row[9] in inodes}


def _children(pid: int) -> list[int]:
    threads = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for thread in threads for child in thread.read_text().split()]


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_an_access_key_of_twelve_digits_is_the_root_of_that_account(account: Account) -> None:
    assert account.client("sts").get_caller_identity()["Arn"] == f"arn:aws:iam::{account.id}:root"


def test_two_accounts_do_not_see_each_other(server: Server, account: Account) -> None:
    other = Account(server, "222222222222")
    account.client("sqs").create_queue(QueueName="notices")

    queues = other.client("sqs").list_queues().get("QueueUrls", [])
    other.close()

    assert queues == []


def test_nothing_of_the_callers_aws_settings_reaches_the_server(tmp_path: Path) -> None:
    inherited = {"AWS_PROFILE": "production", "AWS_SESSION_TOKEN": "secret", "HOME": "/home/user"}

    variables = environment(inherited, 4566, tmp_path, 1.0)

    assert "AWS_PROFILE" not in variables
    assert "AWS_SESSION_TOKEN" not in variables
    assert variables["HOME"] == "/home/user"
    assert variables["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"


def test_the_server_listens_on_the_loopback_interface_only(server: Server) -> None:
    assert _listening(server.pid) == {"0100007F"}


def test_a_second_server_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    with EmbeddedAws(tmp_path) as first, pytest.raises(EmbeddedAwsError, match=f"process {first.pid}"):
        process.start(tmp_path)


def test_a_port_that_is_taken_is_named_in_one_line(server: Server, tmp_path: Path) -> None:
    with pytest.raises(EmbeddedAwsError, match=f"port {server.port} on 127.0.0.1 cannot be used"):
        process.start(tmp_path, port=server.port)


def test_a_missing_interpreter_is_named_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedAwsError, match="no interpreter for the embedded AWS at"):
        process.start(tmp_path, python=tmp_path / "absent")


def test_stopping_leaves_neither_processes_nor_temporary_files(tmp_path: Path) -> None:
    with EmbeddedAws(tmp_path) as server:
        account = Account(server, process.ACCOUNT_ID)
        account.function("greet", "def handler(event, context):\n    return 'hello'\n")
        assert account.invoke("greet")["payload"] == "hello"
        account.close()
        children = _children(server.pid)

    assert children
    assert not [pid for pid in children if _alive(pid)]
    assert list((tmp_path / "tmp").iterdir()) == []
    assert process.find(tmp_path) is None


def test_a_killed_server_leaves_nothing_once_the_next_one_has_started(tmp_path: Path) -> None:
    killed = process.start(tmp_path)
    account = Account(killed, process.ACCOUNT_ID)
    account.function("sleep", SLEEPER)
    account.client("lambda").invoke(FunctionName="sleep", InvocationType="Event")
    children = until(lambda: _children(killed.pid), what="a worker")
    account.close()

    os.kill(killed.pid, signal.SIGKILL)
    left = set((tmp_path / "tmp").iterdir())
    with EmbeddedAws(tmp_path) as server:
        assert server.pid != killed.pid
        assert not left & set((tmp_path / "tmp").iterdir())

    until(lambda: not any(_alive(pid) for pid in children), what="the end of the worker")


def test_stopping_when_nothing_runs_is_no_error(tmp_path: Path) -> None:
    assert process.stop(tmp_path) is False
