"""The private names of MiniStack that the gaps use, checked before the server starts.

They hold for weeks, not for months, so MiniStack is pinned exactly; another version, or a missing name, stops the
start with one line instead of a run that is quietly less strict.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Iterable

MINISTACK = "1.5.33"

Hook = tuple[str, str]
"""Module below `ministack`, name in it (dotted for an attribute of a class): `("services.sts", "register_session")`."""


class WrongMiniStackError(Exception):
    """The installed MiniStack is not the one that the gaps were written for."""


def check(hooks: Iterable[Hook]) -> None:
    """Make sure that the pinned MiniStack is installed and has every name.

    Raises:
        WrongMiniStackError: it is another version, or names are missing; the message names them all.
    """
    version = importlib.metadata.version("ministack")
    if version != MINISTACK:
        raise WrongMiniStackError(f"MiniStack {version} is installed, the gaps are written for {MINISTACK}")
    missing = sorted({f"{module}.{name}" for module, name in hooks if not _has(module, name)})
    if missing:
        raise WrongMiniStackError(f"MiniStack {version} lacks {', '.join(missing)}")


def _has(module: str, name: str) -> bool:
    found: object = importlib.import_module(f"ministack.{module}")
    for part in name.split("."):
        if not hasattr(found, part):
            return False
        found = getattr(found, part)
    return True
