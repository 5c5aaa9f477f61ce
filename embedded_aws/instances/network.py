"""The network of a VPC: a switch in a namespace of its own, a namespace with an address for each instance.

Instances of one VPC reach each other, whatever their security groups say, and the embedded AWS; nothing else. All of it
is held by file descriptors and goes with this process, however that ends.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from dataclasses import dataclass

from embedded_aws.networking.forwarding import Forwarder
from embedded_aws.networking.namespaces import Namespace

METADATA = "169.254.169.254"
_METADATA_PORT = 80


@dataclass
class Interface:
    """An instance's place in its VPC."""

    namespace: Namespace
    metadata: socket.socket
    """Listens where the instance finds its metadata."""
    endpoint: asyncio.Server
    """Hands connections on to the server."""


class Network:
    """The switches of all VPCs."""

    def __init__(self, port: int) -> None:
        """Make no switch yet.

        Args:
            port: the server's, on 127.0.0.1, inside and outside.
        """
        self._forwarder = Forwarder(port)
        self._switches: dict[str, Namespace] = {}
        self._joined = 0
        self._lock = threading.Lock()

    def join(self, vpc: str, ranges: list[str], address: str, mac: str) -> Interface:
        """Give an instance an interface.

        Args:
            vpc: what tells its VPC from all others.
            ranges: every IPv4 range of the VPC, as CIDR.
            address: the instance's.
            mac: of its interface.

        Raises:
            NetworkError: a namespace or a link cannot be made.
            OSError: an address cannot be listened on.
        """
        namespace = Namespace()
        length = next(
            (one.prefixlen for one in map(ipaddress.ip_network, ranges) if ipaddress.ip_address(address) in one), 16
        )
        with self._lock:
            switch = self._switch(vpc)
            self._joined += 1
            port = f"port{self._joined}"
            switch.ip(f"link add name {port} type veth peer name eth0 netns {namespace.path}")
            switch.ip(f"link set {port} master switch up")
        namespace.ip(
            "link set lo up",
            f"address add {METADATA}/32 dev lo",
            f"link set eth0 address {mac}",
            f"address add {address}/{length} dev eth0",
            "link set eth0 up",
        )
        listener = namespace.inside(lambda: socket.create_server((METADATA, _METADATA_PORT)))
        return Interface(namespace, listener, self._forwarder.serve(namespace))

    def leave(self, interface: Interface) -> None:
        """Take an instance's interface away."""
        interface.metadata.close()
        self._forwarder.leave(interface.endpoint)
        interface.namespace.close()

    def close(self) -> None:
        """Take everything down."""
        self._forwarder.close()
        for switch in self._switches.values():
            switch.close()

    def _switch(self, vpc: str) -> Namespace:
        if vpc not in self._switches:
            made = self._switches[vpc] = Namespace()
            made.ip("link add name switch type bridge", "link set switch up")
        return self._switches[vpc]
