"""A system of the shop's owner that takes messages for buyers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from domain.buyer_message import BuyerMessage, MessageTopic

SECRET = b"only the two of us know"
PAID = BuyerMessage(
    order_id="0" * 26,
    topic=MessageTopic.ORDER_PAID,
    user_id="ada",
    sale_id="noon",
    sku_id="mug",
    title="一只杯子",
    quantity=2,
    amount=17600,
    currency="CNY",
)


@dataclass
class Receiver:
    """A system of the shop's owner, at the other end of a socket."""

    answer: bytes = b"HTTP/1.1 204 No Content\r\n\r\n"
    url: str = ""
    heads: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
        head = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        self.heads.append(head)
        self.bodies.append(await reader.readexactly(int(head.get("content-length", 0))))
        writer.write(self.answer)
        await writer.drain()
        if self.answer:
            writer.close()


@asynccontextmanager
async def receiving(receiver: Receiver) -> AsyncIterator[Receiver]:
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/messages"
    yield receiver
    server.close()
