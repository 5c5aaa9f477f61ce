"""What goes wrong on the nodes of Slurm clusters, because a test says so.

`POST /_shoal/nodes` with `{"head": ["line", ...]}` lets head nodes fail with these last lines of their log,
`{"compute": ["line", ...]}` compute nodes; `{"configuration": "why"}` lets head nodes refuse what they are to apply.
`"cluster"` narrows it to one cluster. What is planted replaces what was there for the same cluster; without any of the
three it is taken back. `GET` shows what is planted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

EVERY = "*"

_planted: dict[str, Mapping[str, Any]] = {}


def found(what: str, cluster: str) -> Any:
    """What is planted for a cluster: lines or a text; None where nothing is."""
    return (_planted.get(cluster) or _planted.get(EVERY) or {}).get(what)


def _plant(body: Any) -> object:
    cluster = body.pop("cluster", EVERY)
    _planted.pop(cluster, None)
    if body:
        _planted[cluster] = body
    return _show(None)


def _show(body: Any) -> object:
    return {"planted": _planted}


ROUTES = {("POST", "/_shoal/nodes"): _plant, ("GET", "/_shoal/nodes"): _show}
