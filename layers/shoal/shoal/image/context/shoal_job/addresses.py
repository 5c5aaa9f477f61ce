"""The addresses of this node, and the one by which other nodes reach it."""

from __future__ import annotations

import fcntl
import ipaddress
import socket
import struct

from .problems import NO_NODES, JobError

_SIOCGIFADDR = 0x8915
"""Asks Linux for an interface's address; see netdevice(7)."""


def addresses() -> list[ipaddress.IPv4Address]:
    """The addresses of this container's interfaces."""
    found = (_address(name) for _, name in socket.if_nameindex())
    return [address for address in found if address]


def own_address(known: list[ipaddress.IPv4Address]) -> str:
    """The first address that is neither the loopback nor the link-local one by which ECS serves a container.

    Raises:
        JobError: there is none.
    """
    for address in known:
        if not (address.is_loopback or address.is_link_local):
            return str(address)
    raise JobError(NO_NODES, "this node has no address that other nodes could reach; is it in a network?")


def _address(interface: str) -> ipaddress.IPv4Address | None:
    request = struct.pack("256s", interface.encode()[:15])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        try:
            answer = fcntl.ioctl(channel.fileno(), _SIOCGIFADDR, request)
        except OSError:
            return None  # it has none
    return ipaddress.IPv4Address(answer[20:24])
