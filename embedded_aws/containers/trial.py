"""Does an engine do what is needed: build an image in which a command runs, and run a container of it?

The image holds one program, made here, that does nothing but end well: nothing has to be downloaded for the trial.
"""

from __future__ import annotations

import platform
import struct
import subprocess
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

PATIENCE = 60
"""Seconds for each command of a trial."""

_ENDS_WELL = {
    "x86_64": (62, bytes.fromhex("b83c000000 31ff 0f05")),  # mov eax, 60 (exit); xor edi, edi; syscall
    "aarch64": (183, bytes.fromhex("a80b80d2 000080d2 010000d4")),  # mov x8, 93 (exit); mov x0, 0; svc 0
}
"""By `uname -m`: the machine's number in an ELF header, and a program of three instructions."""
_DOCKERFILE = 'FROM scratch\nCOPY ends-well /ends-well\nRUN ["/ends-well"]\n'


def passes(client: Sequence[str], environment: Mapping[str, str], *, run: bool = True) -> bool:
    """Whether the engine passes.

    Args:
        client: how a command for the engine begins.
        environment: the commands' environment.
        run: run a container too, with limits as a job has them.
    """
    image = f"shoal-trial:{uuid.uuid4().hex}"
    limits = ["--memory", "64m", "--cpus", "1", "--pids-limit", "64"]
    with tempfile.TemporaryDirectory(prefix="trial-") as folder:
        (Path(folder) / "Dockerfile").write_text(_DOCKERFILE)
        program = Path(folder) / "ends-well"
        program.write_bytes(ends_well())
        program.chmod(0o755)
        built = _run([*client, "build", "--no-cache", "--network", "host", "--tag", image, folder], environment)
        ran = not run or (built and _run(_container(client, limits, image), environment))
        _run([*client, "rmi", image], environment)
    return built and ran


def ends_well() -> bytes:
    """A program for Linux on this machine's processor whose exit status is 0."""
    machine = {"arm64": "aarch64", "AMD64": "x86_64"}.get(platform.machine(), platform.machine())
    number, code = _ENDS_WELL.get(machine, _ENDS_WELL["x86_64"])
    base, headers = 0x400000, 64 + 56
    size = headers + len(code)
    identity = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    header = struct.pack("<HHIQQQIHHHHHH", 2, number, 1, base + headers, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 0x1000)
    return identity + header + segment + code


def _container(client: Sequence[str], limits: Sequence[str], image: str) -> list[str]:
    return [*client, "run", "--rm", "--pull", "never", "--network", "host", *limits, image, "/ends-well"]


def _run(command: Sequence[str], environment: Mapping[str, str]) -> bool:
    try:
        done = subprocess.run(command, env=environment, capture_output=True, timeout=PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
