"""`python3 -m shoal_node bootstrap | report`: what the node's user data and its systemd units run."""

from __future__ import annotations

import sys
from pathlib import Path

from shoal_node.bootstrap import bootstrap
from shoal_node.contract import SETTINGS_FILE, Settings
from shoal_node.mounts import grow_volumes
from shoal_node.report import report


def main(arguments: list[str]) -> int:
    """Run one of the two; the exit code."""
    settings = Settings.from_json(Path(SETTINGS_FILE).read_text())
    if arguments == ["bootstrap"]:
        return bootstrap(settings)
    if arguments == ["report"]:
        report(settings)
        grow_volumes(settings)
        return 0
    print("usage: python3 -m shoal_node bootstrap | report", file=sys.stderr)  # noqa: T201 - a usage line
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
