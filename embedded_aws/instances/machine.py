"""One booted instance: systemd-nspawn over an overlay of its image, in namespaces that end with the server.

What is mounted is mounted in a mount namespace of its own; the process tree is a process namespace whose first process
the kernel ends when the server is gone. So a server that is killed leaves nothing but files and empty control groups.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from embedded_aws.instances import engine

_BOOT = """
for group in $4; do mkdir -p "$group"; echo 0 > "$group/cgroup.procs"; done
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root"
status=133
while [ $status = 133 ]; do
  status=0
  systemd-nspawn --quiet --register=no --keep-unit --machine="$5" --hostname="$6" --directory="$2/root" \\
    --network-namespace-path="$3" --resolv-conf=off --link-journal=no --timezone=off --console=pipe \\
    --capability=CAP_NET_ADMIN --boot || status=$?
done
exit $status
"""
"""Status 133 says that the system wants to be booted again."""
_CGROUPS = Path("/sys/fs/cgroup")
_INIT = "systemd"
_PATIENCE = 10


class Machine:
    """The processes and files of one instance; it may be booted again after its end."""

    def __init__(self, instance_id: str, folder: Path, root: Path) -> None:
        """Nothing runs yet.

        Args:
            instance_id: its name.
            folder: where it writes; made if it is not there.
            root: the root file system of its image.
        """
        self.instance_id = instance_id
        self.folder = folder
        """Where it writes."""
        self._root = root
        self._process: subprocess.Popen[bytes] | None = None
        for name in ("upper", "work", "root"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    @property
    def upper(self) -> Path:
        """What it has written beside its image; while it does not run, files may be put there."""
        return self.folder / "upper"

    @property
    def console(self) -> Path:
        """What it wrote to its console."""
        return self.folder / "console.log"

    def boot(self, network: int, hostname: str) -> subprocess.Popen[bytes]:
        """Boot it; from a thread that lives as long as the machine may.

        Args:
            network: the descriptor of its network namespace.
            hostname: its name until cloud-init has given it one.

        Returns:
            The process that ends when the machine has.
        """
        arguments = [str(self._root), str(self.folder), f"/proc/self/fd/{network}", " ".join(map(str, self._cgroups()))]
        with self.console.open("ab") as console:
            self._process = subprocess.Popen(
                [
                    *("setpriv", "--pdeathsig", "KILL"),
                    *("unshare", "--mount", "--propagation", "slave", "--pid", "--fork", "--kill-child=KILL"),
                    *("--mount-proc", "sh", "-euc", _BOOT, "sh", *arguments, self.instance_id, hostname),
                ],
                env=engine.variables(),
                pass_fds=[network],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
            )
        return self._process

    def kill(self) -> None:
        """Pull its plug, and wait until everything of it has ended."""
        if self._process is not None:
            running = [os.pidfd_open(child) for child in _children(self._process.pid)]
            self._process.kill()
            self._process.wait()
            for descriptor in running:
                select.select([descriptor], [], [], _PATIENCE)  # a namespace's first process ends after all others
                os.close(descriptor)
            self._process = None
        remove_cgroups(self._cgroups())

    def is_current(self, process: subprocess.Popen[bytes]) -> bool:
        """Whether the machine has not been given power again, or been ended from outside, since that boot."""
        return self._process is process

    def leader(self) -> int | None:
        """The process id of its service manager; None while there is none."""
        shells = _children(self._process.pid) if self._process else []
        spawners = [child for shell in shells for child in _children(shell)]
        for candidate in [child for spawner in spawners for child in _children(spawner)]:
            with contextlib.suppress(OSError):
                if Path(f"/proc/{candidate}/comm").read_text().strip() == _INIT:
                    return candidate
        return None

    def press(self, button: signal.Signals) -> None:
        """Tell the service manager something: SIGINT reboots it, SIGRTMIN+4 powers it off."""
        if leader := self.leader():
            os.kill(leader, button)

    def _cgroups(self) -> list[Path]:
        return [hierarchy / f"{prefix(os.getpid())}{self.instance_id}" for hierarchy in _hierarchies()]


def prefix(process: int) -> str:
    """How the control groups of a server's instances are named."""
    return f"embedded-aws-{process}-"


def remove_cgroups(groups: Sequence[Path]) -> None:
    """Remove control groups in which nothing runs any more, with those below them."""
    for group in groups:
        for folder, _, _ in os.walk(group, topdown=False):
            with contextlib.suppress(OSError):  # a process that has not been reaped is still in it
                Path(folder).rmdir()


def remove_abandoned_cgroups() -> None:
    """Remove what servers that were killed have left."""
    for hierarchy in _hierarchies():
        for group in hierarchy.glob(f"{prefix(0).removesuffix('0-')}*-i-*"):
            if not Path("/proc", group.name.split("-")[2]).exists():
                remove_cgroups([group])


def _hierarchies() -> list[Path]:
    """The hierarchies in which a service manager keeps its units: of version 2, and of version 1 the one named so."""
    named = [_CGROUPS / name for name in ("unified", "systemd") if (_CGROUPS / name / "cgroup.procs").exists()]
    return named or [_CGROUPS]


def _children(process: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except OSError:
        return []
