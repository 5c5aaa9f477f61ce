"""The process that runs a private Docker daemon for as long as somebody uses it: `python -m ...supervisor FOLDER`.

Whoever uses the daemon holds a shared lock. The supervisor waits for the same lock alone: it gets it when the last
user has let go, by ending or by crashing, and then ends the daemon by its process id. Should the supervisor itself be
killed, the kernel ends the daemon. The daemon has a mount namespace of its own, so nothing stays mounted after it.
"""

from __future__ import annotations

import fcntl
import json
import os
import resource
import select
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from embedded_aws.containers import packages, proxies
from embedded_aws.containers.daemon import Daemon

_PATIENCE = 20
"""Seconds that the daemon has to end, with the containers that still run."""


def main(daemon: Daemon) -> int:
    """Run a daemon until nobody uses it or it ends by itself."""
    _wait_for_predecessor(daemon)
    shutil.rmtree(daemon.run, ignore_errors=True)
    (daemon.run / "client").mkdir(parents=True)
    # The client's own configuration: no credentials, contexts or plugins of the user's.
    (daemon.run / "client" / "config.json").write_text(json.dumps(proxies.client_configuration(os.environ)))
    settings = daemon.run / "daemon.json"
    settings.write_text(json.dumps(configuration(daemon)))
    with daemon.log.open("wb") as log:
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
    threading.Thread(target=_end_when_unused, args=(daemon, process), daemon=True).start()
    status = process.wait()
    shutil.rmtree(daemon.run, ignore_errors=True)
    return status


def _wait_for_predecessor(daemon: Daemon) -> None:
    """Let a daemon end whose supervisor was killed: two must not share a folder of data."""
    try:
        process_id = int((daemon.run / "daemon.pid").read_text())
        if str(daemon.run) not in Path(f"/proc/{process_id}/cmdline").read_text():
            return  # the id is somebody else's by now
        process = os.pidfd_open(process_id)
    except (OSError, ValueError):
        return
    ended, _, _ = select.select([process], [], [], _PATIENCE)
    if not ended:
        os.kill(process_id, signal.SIGKILL)
        select.select([process], [], [], _PATIENCE)
    os.close(process)


def configuration(daemon: Daemon) -> dict[str, Any]:
    """A daemon's settings: everything below its own folders, no bridge, no firewall rule, no port."""
    limit = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 1 << 20)  # a container cannot be given more
    return {
        "hosts": [daemon.address],
        "data-root": str(daemon.folder / "data"),
        "exec-root": str(daemon.run / "exec"),
        "pidfile": str(daemon.run / "daemon.pid"),
        "bridge": "none",
        "iptables": False,
        "ip6tables": False,
        "userland-proxy": False,
        "shutdown-timeout": 3,
        "builder": {"gc": {"enabled": True, "defaultKeepStorage": "10GB"}},
        "default-ulimits": {"nofile": {"Name": "nofile", "Soft": limit, "Hard": limit}},
    }


def environment(inherited: dict[str, str]) -> dict[str, str]:
    """The unpacked programs and libraries first."""
    root = packages.UNPACKED
    programs = [str(root / "usr" / "bin"), str(root / "usr" / "sbin"), "/usr/sbin", "/sbin"]
    libraries = sorted({str(library.parent) for library in root.rglob("*.so.*")})
    path = os.pathsep.join([*programs, inherited.get("PATH", os.defpath)])
    return inherited | {"PATH": path, "LD_LIBRARY_PATH": os.pathsep.join(libraries)}


def _end_when_unused(daemon: Daemon, process: subprocess.Popen[bytes]) -> None:
    with daemon.users.open("w") as users:
        fcntl.flock(users, fcntl.LOCK_EX)
        _forget_images(daemon)
        process.terminate()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()


def _forget_images(daemon: Daemon) -> None:
    """Take away containers and images, which nobody asks for by their names again; BuildKit's cache stays."""
    client = [str(packages.UNPACKED / "usr" / "bin" / "docker"), "--host", daemon.address]
    for what in (["container", "prune", "--force"], ["image", "prune", "--all", "--force"]):
        try:
            subprocess.run([*client, *what], capture_output=True, timeout=_PATIENCE, check=False)
        except subprocess.TimeoutExpired:
            return


if __name__ == "__main__":
    sys.exit(main(Daemon(Path(sys.argv[1]))))
