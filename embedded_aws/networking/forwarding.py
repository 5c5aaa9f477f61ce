"""The server's address inside the network namespaces of multi-node jobs and of instances.

Each finds the embedded AWS at the address that every other process of this machine knows: a listener in its own
namespace hands connections on. Nothing else leads out of its network.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading

from embedded_aws.listener import listen
from embedded_aws.networking.namespaces import Namespace

_CHUNK = 1 << 16


class Forwarder:
    """Listeners in namespaces, served by one thread."""

    def __init__(self, port: int) -> None:
        """Serve no namespace yet.

        Args:
            port: the server's, on 127.0.0.1, inside and outside.
        """
        self._port = port
        self._listening: set[asyncio.Server] = set()
        self._relays: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="forwarder", daemon=True)
        self._thread.start()

    def serve(self, namespace: Namespace) -> asyncio.Server:
        """Listen in a namespace, in which the loopback is up.

        Returns:
            What `leave` takes.

        Raises:
            OSError: the port is taken there.
        """
        listener: socket.socket = namespace.inside(lambda: listen(self._port))
        return asyncio.run_coroutine_threadsafe(self._listen(listener), self._loop).result()

    def leave(self, server: asyncio.Server) -> None:
        """Listen no more in one namespace, which would live as long as its listener."""
        self._listening.discard(server)
        self._loop.call_soon_threadsafe(server.close)

    def close(self) -> None:
        """Close every listener and every connection."""
        asyncio.run_coroutine_threadsafe(self._cancel(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self, listener: socket.socket) -> asyncio.Server:
        server = await asyncio.start_server(self._begin, sock=listener)
        self._listening.add(server)
        return server

    async def _cancel(self) -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for server in self._listening:
            server.close()
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection in a task that is held until it has ended: the loop itself holds none."""
        task = asyncio.ensure_future(self._relay(reader, writer))
        self._relays.add(task)
        task.add_done_callback(self._relays.discard)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            further, to_server = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            writer.close()
            return
        try:
            await asyncio.gather(_copy(reader, to_server), _copy(further, writer))
        finally:
            to_server.close()
            writer.close()


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Copy one direction to its end; the other may go on."""
    with contextlib.suppress(OSError):
        while chunk := await source.read(_CHUNK):
            sink.write(chunk)
            await sink.drain()
        sink.write_eof()
