"""Write the generated pages and schemas under `docs/`; with `--check`, only say whether they are up to date."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from shoal.cluster.reference import coming_page, configuration_page
from shoal.cluster.schema import json_schema
from shoal.error_page import errors_page
from tools.documentation import limits, machines, operations, rights
from tools.documentation.blocks import filled

DOCS = Path(__file__).parent.parent / "docs"


def pages() -> dict[str, str]:
    """The generated files by name."""
    return {
        "cluster-configuration.schema.json": json.dumps(json_schema(), indent=2) + "\n",
        "configuration.md": configuration_page(),
        "coming-from-parallelcluster.md": coming_page(),
        "state-machines.md": machines.page(),
        "operations.md": filled(DOCS / "operations.md", operations.blocks()),
        "limits.md": filled(DOCS / "limits.md", limits.blocks()),
        "security.md": filled(DOCS / "security.md", rights.blocks()),
        "errors.md": errors_page(),
    }


def main() -> int:
    """Write what has changed; the exit code says whether `--check` found a difference."""
    check = "--check" in sys.argv[1:]
    stale = [name for name, text in pages().items() if not _is_current(DOCS / name, text)]
    for name in stale:
        if check:
            print(f"docs/{name} is out of date: run `make docs`")
        else:
            (DOCS / name).write_text(pages()[name])
            print(f"docs/{name} written")
    return int(check and bool(stale))


def _is_current(path: Path, text: str) -> bool:
    return path.exists() and path.read_text() == text


if __name__ == "__main__":
    sys.exit(main())
