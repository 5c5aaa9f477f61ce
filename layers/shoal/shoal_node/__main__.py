"""`python3 -m shoal_node NAME`: what the node's user data and its systemd units run."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from shoal_node import jobwatcher, nodewatcher, sqswatcher
from shoal_node.bootstrap import bootstrap
from shoal_node.configure import configure
from shoal_node.contract import SETTINGS_FILE, NodeSettings, Settings, read_settings
from shoal_node.daemon import ERRORS, stop_on_signals
from shoal_node.mounts import grow_volumes
from shoal_node.report import report

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
    if arguments == ["configure"]:
        return _configure(_settings())
    if arguments == ["report"]:
        return _report(_settings())
    names = " | ".join(["bootstrap", "configure", "report", *DAEMONS])
    print(f"usage: python3 -m shoal_node {names} [SECONDS]", file=sys.stderr)  # noqa: T201 - a usage line
    return 2


def _watch(name: str, seconds: str = "") -> int:
    """Run a daemon until it is told to end; the exit code. What it is told is read anew at every start."""
    _log_to_journal()
    stop = stop_on_signals()
    try:
        DAEMONS[name](stop, float(seconds)) if seconds else DAEMONS[name](stop)
    except (OSError, ValueError) as error:  # its file is not there yet, or of another version: systemd tries again
        logging.getLogger("shoal_node").error("%s: %s", name, error)
        return 1
    return 0


def _configure(settings: NodeSettings) -> int:
    if not isinstance(settings, Settings):
        print(f"{SETTINGS_FILE} is a compute node's, and only head nodes are configured", file=sys.stderr)  # noqa: T201 - as above
        return 2
    _log_to_journal()
    try:
        return configure(settings)
    except ERRORS as error:  # what does not answer now may in half a minute
        logging.getLogger("shoal_node").error("configure: %s", str(error).replace("\n", " "))
        return 1


def _report(settings: NodeSettings) -> int:
    report(settings)
    if isinstance(settings, Settings):
        grow_volumes(settings)
    return 0


def _log_to_journal() -> None:
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    logging.getLogger("shoal_node").setLevel(logging.INFO)


def _settings() -> NodeSettings:
    return read_settings(Path(SETTINGS_FILE).read_text())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
