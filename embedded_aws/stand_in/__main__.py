"""The command line: `docker login|logout|build|tag|push` in a build, recorded with how it ended."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from embedded_aws.stand_in import access, engine, recorded
from embedded_aws.stand_in.command_line import parse
from embedded_aws.stand_in.images import Store
from embedded_aws.stand_in.telling import DockerError, EngineError

ENGINE = "SHOAL_DOCKER_ENGINE"
"""The variable with how a command for the engine begins, where there is an engine."""

type Command = Callable[[argparse.Namespace, Store], None]


def commands(client: Sequence[str]) -> dict[str, Command]:
    """What does each command.

    Args:
        client: how a command for the engine begins; empty without one.
    """
    behind = engine.commands(client) if client else recorded.COMMANDS
    return {"login": access.login, "logout": access.logout, **behind}


def main(arguments: Sequence[str]) -> int:
    """Run one command, record it, and return docker's exit status."""
    status = _run(arguments)
    record = {"build": os.environ.get("CODEBUILD_BUILD_ID"), "arguments": list(arguments), "status": status}
    with Path(os.environ["SHOAL_DOCKER_CALLS"]).open("a") as calls:
        calls.write(json.dumps(record) + "\n")
    return status


def _run(arguments: Sequence[str]) -> int:
    options = parse(arguments)
    store = Store(Path(os.environ["SHOAL_DOCKER_STATE"]))
    try:
        commands(shlex.split(os.environ.get(ENGINE, "")))[options.command](options, store)
    except DockerError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except EngineError as error:
        return error.status
    finally:
        store.save()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
