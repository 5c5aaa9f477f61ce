"""The network of a multi-node job: its nodes reach each other by address, nothing reaches them, and they nothing else.

https://docs.aws.amazon.com/batch/latest/userguide/multi-node-parallel-jobs.html: every node has an address of its own
(Batch uses the awsvpc network mode). Here a node is a namespace, joined by a bridge in a namespace of the job's own.
"""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Sequence

from embedded_aws.batch.containers import Container
from embedded_aws.networking.forwarding import Forwarder
from embedded_aws.networking.namespaces import Namespace

NETWORK = ipaddress.ip_network("172.31.0.0/16")
"""The same in every job: no two networks meet."""
_FIRST = 16 * 256 + 10
"""Place in the network of node 0."""


class JobNetwork:
    """Addresses, namespaces and the way to the server, for as long as one attempt lasts."""

    def __init__(self, images: Sequence[str], port: int) -> None:
        """Make the network.

        Args:
            images: the image of each node, which has a `sleep`: a container with it holds the node's namespace before
                the node's own process starts, as the pause container of ECS does.
            port: the server's.

        Raises:
            EngineError: a container that holds a namespace does not start.
            NetworkError: this user may not make namespaces.
            OSError: the server's port is taken in a namespace.
        """
        self.addresses = [str(NETWORK[_FIRST + index]) for index in range(len(images))]
        self._holders: list[Container] = []
        self._undo = contextlib.ExitStack()
        try:
            self._make(images, port)
        except BaseException:
            self.close()
            raise

    def option(self, index: int) -> str:
        """What `--network` of a node's container is."""
        return f"container:{self._holders[index].id}"

    def close(self) -> None:
        """Take everything down."""
        self._undo.close()

    def _make(self, images: Sequence[str], port: int) -> None:
        names = [host_name(address) for address in self.addresses]
        hosts = [f"--add-host={name}:{address}" for name, address in zip(names, self.addresses, strict=True)]
        switch = Namespace()
        self._undo.callback(switch.close)
        switch.ip("link add name switch type bridge", "link set switch up")
        forwarder = Forwarder(port)
        self._undo.callback(forwarder.close)
        for index, image in enumerate(images):
            given = ["--network", "none", "--hostname", names[index], *hosts, "--user", "0", "--entrypoint", "sleep"]
            holder = Container(image, ["infinity"], *given)
            self._undo.callback(holder.remove)
            self._holders.append(holder)
            holder.start()
            process = holder.pid()
            switch.ip(
                f"link add name node{index} type veth peer name eth0 netns {process}",
                f"link set node{index} master switch up",
            )
            node = Namespace(process)
            self._undo.callback(node.close)
            node.ip(
                "link set lo up",
                f"address add {self.addresses[index]}/{NETWORK.prefixlen} dev eth0",
                "link set eth0 up",
            )
            forwarder.serve(node)


def host_name(address: str) -> str:
    """The name of a host by its address, as EC2 has it."""
    return f"ip-{address.replace('.', '-')}"
