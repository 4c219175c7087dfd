"""A wire to a server that can be cut: who is behind it goes on, and is heard no more."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

CHUNK_BYTES = 64 * 1024


@dataclass
class CutWire:
    """Passes bytes on to `target`, `host:port`, until it is cut."""

    target: str
    address: str = ""
    is_cut: bool = False
    _streams: set[asyncio.StreamWriter] = field(default_factory=set)

    def cut(self) -> None:
        """As if the process had been killed, or its network had gone away, for good."""
        self.is_cut = True
        for stream in self._streams:
            stream.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_cut:
            writer.transport.abort()
            return
        host, port = self.target.split(":")
        answers, asked = await asyncio.open_connection(host, int(port))
        self._streams |= {writer, asked}
        await asyncio.gather(_pass(reader, asked), _pass(answers, writer))


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def cut_wire(target: str) -> AsyncIterator[CutWire]:
    wire = CutWire(target)
    server = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
    wire.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield wire
    finally:
        wire.cut()
        server.close()
