"""MiniStack with its gaps filled, served on one socket until it is told to stop."""

from __future__ import annotations

import asyncio
import datetime
import json
import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from embedded_aws import build_gaps, hooks, limits, process, resource_gaps
from embedded_aws.access import decisions as iam
from embedded_aws.access import further_rights, service_roles, transport
from embedded_aws.access import resources as iam_resources
from embedded_aws.cloudformation import provisioning
from embedded_aws.functions import lambdas, layers
from embedded_aws.functions import logs as lambda_logs
from embedded_aws.machines import callbacks, executions, faults, interpreter
from embedded_aws.machines import tasks as states
from embedded_aws.registry import manifest_lists
from embedded_aws.responses import Answer, Application, read_body, send_answer


class Gap(Protocol):
    """One thing that MiniStack lacks or is too kind about, as a module.

    It may also have `ROUTES`, answered beside AWS's own, `in_front_of(application)`, which puts something in front of
    all requests, and `stop()`, called when the server stops.
    """

    HOOKS: tuple[hooks.Hook, ...]

    def install(self) -> None:
        """Put the module's behaviour in place of MiniStack's."""


GAPS: tuple[Gap, ...] = (
    iam,
    iam_resources,
    further_rights,
    provisioning,
    lambdas,
    lambda_logs,
    states,
    interpreter,
    executions,
    callbacks,
    faults,
    service_roles,
    transport,
    *resource_gaps.GAPS,
    *build_gaps.GAPS,
    manifest_lists,
    limits,  # last: its questions come before whatever the others put in place
)

Route = Callable[[Any], object]
"""Takes the request's JSON (None without a body), returns what is answered as JSON."""


def run(listener: socket.socket, state_dir: Path) -> int:
    """Serve until SIGTERM or SIGINT; the exit code."""
    _clear(state_dir)
    try:
        hooks.check(hook for gap in GAPS for hook in gap.HOOKS)
    except hooks.WrongMiniStackError as error:
        sys.stderr.write(f"embedded_aws: {error}; install embedded_aws/requirements.txt\n")
        return 1
    routes: dict[tuple[str, str], Route] = {}
    for gap in GAPS:
        gap.install()
        routes.update(getattr(gap, "ROUTES", {}))
    asyncio.run(_serve(listener, state_dir, routes))
    for gap in GAPS:
        getattr(gap, "stop", lambda: None)()
    _clear(state_dir)
    layers.prune()
    (state_dir / process.STATE_FILE).unlink(missing_ok=True)
    os._exit(0)  # executions that still run sit in threads of their own, which an ordinary exit would wait for


async def _serve(listener: socket.socket, state_dir: Path, routes: Mapping[tuple[str, str], Route]) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from ministack import app as ministack

    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        route = routes.get((scope.get("method", ""), scope.get("path", "")))
        if route is None:
            await wrapped(scope, receive, send)
        else:
            await _answer(route, receive, send)

    wrapped: Application = ministack.app
    for gap in GAPS:
        wrapped = getattr(gap, "in_front_of", lambda application: application)(wrapped)
    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 1
    config.loglevel = "ERROR"
    port: int = listener.getsockname()[1]
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    process.record(state_dir, process.Server(os.getpid(), port, now))
    await serve(application, config, shutdown_trigger=stopping.wait)


async def _answer(route: Route, receive: Any, send: Any) -> None:
    """Serve one of our own routes: a JSON body in, JSON out."""
    body = await read_body(receive)
    answer = json.dumps(route(json.loads(body) if body else None)).encode()
    await send_answer(send, Answer(200, {"Content-Type": "application/json"}, answer))


def _clear(state_dir: Path) -> None:
    """Empty the temporary folder: every folder that MiniStack leaves behind, of this run or a crashed one, is in it."""
    shutil.rmtree(state_dir / "tmp", ignore_errors=True)
    (state_dir / "tmp").mkdir(parents=True)
