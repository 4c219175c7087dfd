"""The saga on DBOS: one durable function per order, its id the order's; each step one statement."""

import asyncio
import os
import sys
from typing import Any

import uvloop
from dbos import DBOS, SetWorkflowID

from bench.peers.engines.books import PeerBooks
from bench.peers.engines.gate import Intent, PeerGate, Sold
from bench.peers.engines.notice_line import serve_nothing
from infra.garbage import tune_garbage_collection

PEER = "dbos"
TOPIC = "payment"
PAY_SECONDS = 1800
STARTS_AT_ONCE = 64
# 4, 16 and 48 threads were tried, too.
CONFIG = {
    "name": "peer",
    "executor_id": "one",
    "application_version": "1",
    "sys_db_pool_size": 16,
    "max_executor_threads": 8,
    "log_level": "WARNING",
    "enable_otlp": False,
}
RETRIES = {"retries_allowed": True, "max_attempts": 20, "interval_seconds": 0.2}


def order_workflow(books: PeerBooks, gate: PeerGate) -> Any:
    """The durable function, registered. Its steps are closures: they need the stores' pools."""

    async def place(intent: dict[str, Any]) -> None:
        await books.place([Intent(**intent)])

    async def settle(order_id: str) -> None:
        await books.settle([order_id])

    async def sell(intent: dict[str, Any]) -> None:
        await gate.sell([Sold(intent["order_id"], Intent(**intent).item)])

    async def undo(intent: dict[str, Any]) -> None:
        await books.release(intent["order_id"])
        await gate.release(Intent(**intent))

    # Not as decorators: to the type checker the SDK has no types.
    place_step, settle_step, sell_step, undo_step = (
        DBOS.step(**RETRIES)(step) for step in (place, settle, sell, undo)
    )

    async def order(intent: dict[str, Any]) -> str:
        await place_step(intent)
        if await DBOS.recv_async(TOPIC, timeout_seconds=PAY_SECONDS) is None:
            await undo_step(intent)
            return "timed_out"
        await settle_step(intent["order_id"])
        await sell_step(intent)
        return "paid"

    return DBOS.workflow()(order)


async def serve(port: int) -> None:
    books = await PeerBooks.open_(os.environ["PEER_DSN"])
    gate = await PeerGate.open_(os.environ["PEER_REDIS"], PEER)
    DBOS(config={**CONFIG, "system_database_url": os.environ["PEER_DBOS_DSN"]})
    order = order_workflow(books, gate)
    DBOS.launch()

    async def start(intent: Intent) -> None:
        with SetWorkflowID(intent.order_id):
            await DBOS.start_workflow_async(order, intent.as_dict())

    async def start_all(intents: list[Intent]) -> None:
        await asyncio.gather(*map(start, intents))

    tune_garbage_collection()
    await asyncio.gather(gate.consume(STARTS_AT_ONCE, start_all), serve_nothing(port))


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
