"""Start, find and stop the embedded AWS as a process of its own; standard library only.

The server runs in MiniStack's environment (`.tools/ministack`), whoever wants it in another one: tests, `make run`
and `shoal local` use this module.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

ACCOUNT_ID = "111111111111"
REGION = "us-east-1"
SECRET_ACCESS_KEY = "embedded"
"""Signs for every account's root: an access key of 12 digits is that account's root."""

ROOT = Path(__file__).resolve().parent.parent
STATE_FILE = "server.json"
LOG_FILE = "server.log"
START_SECONDS = 60.0
STOP_SECONDS = 15.0

_started: dict[int, subprocess.Popen[bytes]] = {}
"""Servers that this process started itself, to be collected when they end."""


class EmbeddedAwsError(Exception):
    """The embedded AWS did not start, or is not what it should be; the message says why, in one line."""


@dataclass(frozen=True)
class Server:
    """A running server, as its state file describes it."""

    pid: int
    port: int
    started: str
    """When, ISO 8601, UTC."""

    @property
    def url(self) -> str:
        """The one endpoint of all services."""
        return f"http://127.0.0.1:{self.port}"

    def environment(self, account_id: str = ACCOUNT_ID) -> dict[str, str]:
        """Variables that make any AWS SDK, the AWS CLI and the SAM CLI talk to this server and to nothing else."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": account_id,
            "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def call(self, method: str, path: str, body: object = None, seconds: float = 10) -> object:
        """Call one of the server's own routes, `/_shoal/iam` for example, and return its JSON, within `seconds`."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)  # noqa: S310 - url is http://127.0.0.1
        with urllib.request.urlopen(request, timeout=seconds) as response:  # noqa: S310 - as above
            return json.load(response)

    def healthy(self) -> bool:
        """Whether the server answers."""
        try:
            self.call("GET", "/_ministack/health")
        except (OSError, ValueError):
            return False
        return True


def without_aws(variables: dict[str, str]) -> dict[str, str]:
    """The same environment without any AWS setting; profiles and tokens of the user's shell must not leak in."""
    return {name: value for name, value in variables.items() if not name.startswith("AWS_")}


def find(state_dir: Path) -> Server | None:
    """The server that runs with this state folder, if one does and answers."""
    server = _read(state_dir)
    return server if server and _alive(server.pid) and server.healthy() else None


def record(state_dir: Path, server: Server) -> None:
    """Write the state file; the server does this once it listens."""
    partial = state_dir / f"{STATE_FILE}.partial"
    partial.write_text(json.dumps(asdict(server)))
    partial.replace(state_dir / STATE_FILE)


def start(
    state_dir: Path, *, port: int = 0, wait_scale: float = 1.0, python: Path | None = None, detached: bool = False
) -> Server:
    """Start the server and wait until it answers.

    Args:
        state_dir: folder for everything the server writes; one server per folder.
        port: port on 127.0.0.1; 0 takes a free one.
        wait_scale: factor on Wait states and on the pauses between retries.
        python: MiniStack's interpreter; the default is the repository's `.tools/ministack`.
        detached: go on running when this process and its terminal end (`shoal local up`).

    Raises:
        EmbeddedAwsError: it ended at once, did not answer within a minute, or one runs in this folder already.
    """
    if running := find(state_dir):
        raise EmbeddedAwsError(f"an embedded AWS (process {running.pid}) already runs with {state_dir}")
    state_dir.mkdir(parents=True, exist_ok=True)
    (state_dir / STATE_FILE).unlink(missing_ok=True)
    command = [str(python or ROOT / ".tools/ministack/bin/python"), "-m", "embedded_aws"]
    command += ["--port", str(port), "--state-dir", str(state_dir.resolve()), "--wait-scale", str(wait_scale)]
    try:
        with (state_dir / LOG_FILE).open("wb") as log:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=detached,
            )
    except FileNotFoundError as error:
        raise EmbeddedAwsError(f"no interpreter for the embedded AWS at {command[0]}; run `make run`") from error
    _started[process.pid] = process
    return _wait_until_ready(process, state_dir)


def stop(state_dir: Path) -> bool:
    """Stop the server that runs with this state folder, by its process id; whether there was one."""
    server = _read(state_dir)
    if server is None or not _alive(server.pid) or not _is_embedded_aws(server):
        return False
    os.kill(server.pid, signal.SIGTERM)
    if not _until(lambda: not _alive(server.pid), STOP_SECONDS):
        os.kill(server.pid, signal.SIGKILL)
        _until(lambda: not _alive(server.pid), STOP_SECONDS)
    return True


class EmbeddedAws:
    """A server for the time of a `with` block."""

    def __init__(self, state_dir: Path, *, port: int = 0, wait_scale: float = 1.0, python: Path | None = None) -> None:
        self.state_dir = state_dir
        self._options = {"port": port, "wait_scale": wait_scale, "python": python}

    def __enter__(self) -> Server:
        return start(self.state_dir, **self._options)  # type: ignore[arg-type]  # the options are start's own

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stop(self.state_dir)


def _read(state_dir: Path) -> Server | None:
    try:
        return Server(**json.loads((state_dir / STATE_FILE).read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _alive(pid: int) -> bool:
    """Whether the process runs; one that this process started and that has ended is collected."""
    if pid in _started:
        if _started[pid].poll() is None:
            return True
        del _started[pid]
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _is_embedded_aws(server: Server) -> bool:
    """Whether the process is the server still: after a restart of the machine its id may be somebody else's."""
    if server.pid in _started or server.healthy():
        return True
    try:
        return b"embedded_aws" in Path(f"/proc/{server.pid}/cmdline").read_bytes()
    except OSError:
        return False


def _wait_until_ready(process: subprocess.Popen[bytes], state_dir: Path) -> Server:
    def ready() -> bool:
        return process.poll() is not None or find(state_dir) is not None

    answered = _until(ready, START_SECONDS)
    server = find(state_dir)
    if answered and server:
        return server
    process.kill()
    process.wait()
    _started.pop(process.pid, None)
    lines = (state_dir / LOG_FILE).read_text(errors="replace").strip().splitlines()
    reason = lines[-1] if lines else f"no answer within {START_SECONDS:.0f} seconds"
    raise EmbeddedAwsError(f"the embedded AWS did not start: {reason}")


def _until(condition: Callable[[], bool], seconds: float) -> bool:
    """Poll a condition; whether it came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
