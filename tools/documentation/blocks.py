"""Generated blocks in a page that people write: each stands between two comments that name it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

_BLOCK = re.compile(r"(<!-- generated: ([\w-]+) -->\n).*?(<!-- /generated -->)", re.DOTALL)


def filled(page: Path, blocks: Mapping[str, str]) -> str:
    """A page's text with its blocks as they must be.

    Raises:
        KeyError: the page has a block that nothing generates.
        ValueError: the page lacks a block.
    """
    text = page.read_text()
    missing = set(blocks) - {match[2] for match in _BLOCK.finditer(text)}
    if missing:
        raise ValueError(f"{page} has no block for {', '.join(sorted(missing))}")
    return _BLOCK.sub(lambda match: f"{match[1]}{blocks[match[2]]}\n{match[3]}", text)
