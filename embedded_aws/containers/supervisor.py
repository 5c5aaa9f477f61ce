"""The process that runs the private Docker daemon for as long as somebody uses it: `python -m ...supervisor`.

Whoever uses the daemon holds a shared lock. The supervisor waits for the same lock alone: it gets it when the last
user has let go, by ending or by crashing, and then ends the daemon by its process id. Should the supervisor itself be
killed, the kernel ends the daemon. The daemon has a mount namespace of its own, so nothing stays mounted after it.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import threading
from typing import Any

from embedded_aws.containers import daemon, packages

_PATIENCE = 20
"""Seconds that the daemon has to end, with the containers that still run."""


def main() -> int:
    """Run the daemon until nobody uses it or it ends by itself."""
    daemon.RUN.mkdir(mode=0o700, exist_ok=True)
    settings = daemon.RUN / "daemon.json"
    settings.write_text(json.dumps(configuration()))
    (daemon.RUN / "client").mkdir(exist_ok=True)  # no credentials, contexts or plugins of the user's
    with (daemon.RUN / "daemon.log").open("wb") as log:
        process = subprocess.Popen(
            [
                *("setpriv", "--pdeathsig", "TERM"),
                *("unshare", "--mount", "--propagation", "slave"),
                *("dockerd", "--config-file", str(settings)),
            ],
            env=environment(dict(os.environ)),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    threading.Thread(target=_end_when_unused, args=(process,), daemon=True).start()
    status = process.wait()
    shutil.copy(daemon.RUN / "daemon.log", daemon.LOG)
    shutil.rmtree(daemon.RUN, ignore_errors=True)
    return status


def configuration() -> dict[str, Any]:
    """The daemon's settings: everything below our own folders, no bridge, no firewall rule, no port."""
    limit = _open_files()
    return {
        "hosts": [daemon.ADDRESS],
        "data-root": str(packages.FOLDER / "data"),
        "exec-root": str(daemon.RUN / "exec"),
        "pidfile": str(daemon.RUN / "daemon.pid"),
        "bridge": "none",
        "iptables": False,
        "ip6tables": False,
        "userland-proxy": False,
        "shutdown-timeout": 3,
        "default-ulimits": {"nofile": {"Name": "nofile", "Soft": limit, "Hard": limit}},
    }


def environment(inherited: dict[str, str]) -> dict[str, str]:
    """The unpacked programs and libraries first."""
    root = packages.UNPACKED
    programs = [str(root / "usr" / "bin"), str(root / "usr" / "sbin"), "/usr/sbin", "/sbin"]
    libraries = sorted({str(library.parent) for library in root.rglob("*.so.*")})
    path = os.pathsep.join([*programs, inherited.get("PATH", os.defpath)])
    return inherited | {"PATH": path, "LD_LIBRARY_PATH": os.pathsep.join(libraries)}


def _open_files() -> int:
    """The hard limit of open files; a container cannot be given more."""
    import resource

    return min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 1 << 20)


def _end_when_unused(process: subprocess.Popen[bytes]) -> None:
    with daemon.USERS.open("w") as users:
        fcntl.flock(users, fcntl.LOCK_EX)
        process.terminate()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()


if __name__ == "__main__":
    sys.exit(main())
