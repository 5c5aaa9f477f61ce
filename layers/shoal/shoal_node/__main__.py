"""`python3 -m shoal_node NAME`: what the node's user data and its systemd units run."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from shoal_node import jobwatcher, nodewatcher, sqswatcher
from shoal_node.bootstrap import bootstrap
from shoal_node.contract import SETTINGS_FILE, Settings, read_settings
from shoal_node.daemon import stop_on_signals
from shoal_node.mounts import grow_volumes
from shoal_node.report import report
from shoal_node.shell import NodeError

DAEMONS: Mapping[str, Callable[..., None]] = {
    "sqswatcher": sqswatcher.watch,
    "jobwatcher": jobwatcher.watch,
    "nodewatcher": nodewatcher.watch,
}


def main(arguments: list[str]) -> int:
    """Run one of them; the exit code."""
    if arguments and arguments[0] in DAEMONS and len(arguments) <= 2:
        return _watch(*arguments)
    if arguments == ["bootstrap"]:
        return bootstrap(_settings())
    if arguments == ["report"]:
        report(_settings())
        grow_volumes(_settings())
        return 0
    print(f"usage: python3 -m shoal_node {' | '.join(['bootstrap', 'report', *DAEMONS])} [SECONDS]", file=sys.stderr)  # noqa: T201 - a usage line
    return 2


def _watch(name: str, seconds: str = "") -> int:
    """Run a daemon until it is told to end; the exit code. What it is told is read anew at every start."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    logging.getLogger("shoal_node").setLevel(logging.INFO)
    stop = stop_on_signals()
    try:
        DAEMONS[name](stop, float(seconds)) if seconds else DAEMONS[name](stop)
    except (OSError, ValueError) as error:  # its file is not there yet, or of another version: systemd tries again
        logging.getLogger("shoal_node").error("%s: %s", name, error)
        return 1
    return 0


def _settings() -> Settings:
    settings = read_settings(Path(SETTINGS_FILE).read_text())
    if not isinstance(settings, Settings):
        raise NodeError(f"{SETTINGS_FILE} is a compute node's, and this is for head nodes")
    return settings


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
