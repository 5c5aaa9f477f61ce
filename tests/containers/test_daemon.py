"""Does the private Docker run as long as somebody uses it, whatever becomes of its users, and no longer?"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from embedded_aws.containers.daemon import Daemon, DaemonError
from embedded_aws.process import ROOT
from tests.support.polling import until

SECONDS = 60.0
USER = """
import sys
from pathlib import Path
from embedded_aws.containers.daemon import Daemon

hold = Daemon(Path(sys.argv[1])).hold()
print("held", flush=True)
sys.stdin.read()
"""
type StartUser = Callable[[], subprocess.Popen[str]]


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon of the test's own, beside the one that the other tests use."""
    found = Daemon(tmp_path / "engine")
    if not found.can_run():
        pytest.skip("no Docker of Debian's packages can run here")
    yield found
    assert found.wait_until_ended(SECONDS)


@pytest.fixture
def start_user(daemon: Daemon) -> Iterator[StartUser]:
    """Starts a process that uses the daemon until its standard input ends."""
    users: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", USER, str(daemon.folder)]
        user = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        users.append(user)
        assert user.stdout is not None
        assert user.stdout.readline() == "held\n"
        return user

    yield start
    for user in users:
        user.communicate()


def pid(daemon: Daemon) -> int:
    return int((daemon.run / "daemon.pid").read_text())


def test_it_ends_with_its_last_user_and_leaves_no_sockets(daemon: Daemon, start_user: StartUser) -> None:
    first, second = start_user(), start_user()
    began = pid(daemon)
    first.communicate()
    assert daemon.answers()
    assert pid(daemon) == began

    second.communicate()
    assert daemon.wait_until_ended(SECONDS)
    until(lambda: not daemon.run.exists(), SECONDS, "the end of the supervisor")


def test_it_ends_when_its_user_is_killed(daemon: Daemon, start_user: StartUser) -> None:
    start_user().kill()
    assert daemon.wait_until_ended(SECONDS)


def test_it_ends_when_its_supervisor_is_killed_and_can_be_started_again(daemon: Daemon, start_user: StartUser) -> None:
    start_user()
    began = pid(daemon)
    status = Path(f"/proc/{began}/status").read_text()
    os.kill(int(status.partition("PPid:")[2].split()[0]), signal.SIGKILL)
    until(lambda: not daemon.answers(), SECONDS, "the end of the daemon")

    start_user()
    assert daemon.answers()
    assert pid(daemon) != began


def test_nothing_stays_mounted(daemon: Daemon, start_user: StartUser) -> None:
    start_user().communicate()
    assert daemon.wait_until_ended(SECONDS)
    assert str(daemon.folder) not in Path("/proc/mounts").read_text()


def test_one_that_cannot_start_says_why(daemon: Daemon) -> None:
    daemon.folder.mkdir()
    (daemon.folder / "data").write_text("in the way")
    with pytest.raises(DaemonError, match=r"dockerd did not start: .*(data|directory)"):
        daemon.hold()
