"""How a peer is told of money: `order_id sale_id sku_id`, a line each, over TCP.

`ok order_id` comes back once the money cannot be lost any more, `no order_id` when it failed.
It stands for a provider's notice, without the price of HTTP and of signatures.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence

from bench.peers.engines.gate import Item, Sold

LOOPBACK = "127.0.0.1"


async def serve_notices(port: int, settle: Callable[[Sold], Awaitable[None]]) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def one(line: bytes) -> None:
            order_id, sale_id, sku_id = line.decode().split()
            try:
                await settle(Sold(order_id, Item(sale_id, sku_id)))
                answer = f"ok {order_id}\n"
            except Exception as error:
                print("notice failed", order_id, repr(error), file=sys.stderr, flush=True)
                answer = f"no {order_id}\n"
            writer.write(answer.encode())

        under_way = set()
        while line := await reader.readline():
            task = asyncio.create_task(one(line))
            under_way.add(task)
            task.add_done_callback(under_way.discard)

    server = await asyncio.start_server(serve, LOOPBACK, port)
    async with server:
        await server.serve_forever()


async def serve_nothing(port: int) -> None:
    """Only shows that the process is ready."""

    async def refuse(notice: Sold) -> None:
        raise ValueError(f"no notices are taken here: {notice.order_id}")

    await serve_notices(port, refuse)


async def tell_paid(port: int, orders: Sequence[Sold], told: set[str], at_once: int) -> None:
    """Adds to `told` whose notice was acknowledged. Raises ConnectionError when whoever takes
    them went away."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    free = asyncio.Semaphore(at_once)

    async def read_answers() -> None:
        for _ in orders:
            answer = (await reader.readline()).decode().split()
            if not answer:
                raise ConnectionResetError("nobody takes notices any more")
            if answer[0] == "ok":
                told.add(answer[1])
            free.release()

    async def send() -> None:
        for one in orders:
            await free.acquire()
            writer.write(f"{one.order_id} {one.item.sale_id} {one.item.sku_id}\n".encode())

    sending = asyncio.create_task(send())
    try:
        await read_answers()
    finally:
        # After a kill it would wait for answers that never come.
        sending.cancel()
        writer.close()
