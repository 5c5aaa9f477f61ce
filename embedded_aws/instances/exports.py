"""What an instance exports by NFS, told from what exportfs(8) has written down there."""

from __future__ import annotations

import ipaddress
from pathlib import Path

_ETAB = "var/lib/nfs/etab"


def refusal(leader: int, directory: str, client: str) -> str:
    """Why an instance does not let another one mount a directory; empty if it does.

    Args:
        leader: service manager of the one that exports.
        directory: what is to be mounted.
        client: address of the one that mounts.
    """
    try:
        lines = Path(f"/proc/{leader}/root", _ETAB).read_text().splitlines()
    except OSError:
        return "Connection refused"
    exported = [line.split("\t", 1) for line in lines if "\t" in line]
    allowed = [clients for path, clients in exported if _unescaped(path) == directory]
    if not allowed:
        return "No such file or directory"
    return "" if any(_matches(clients.partition("(")[0], client) for clients in allowed) else "access denied by server"


def _unescaped(path: str) -> str:
    return path.replace("\\040", " ")


def _matches(clients: str, address: str) -> bool:
    if clients == "*":
        return True
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(clients, strict=False)
    except ValueError:
        return False
