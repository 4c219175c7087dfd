"""The saga on Restate: one workflow per order, keyed by it; each `run` step one statement."""

import asyncio
import os
import sys
from datetime import timedelta
from typing import Any

import aiohttp
import restate
import uvloop
from hypercorn.asyncio import serve as serve_http
from hypercorn.config import Config

from bench.peers.engines.books import PeerBooks
from bench.peers.engines.gate import Intent, PeerGate, Sold
from bench.peers.engines.notice_line import serve_nothing
from infra.garbage import tune_garbage_collection

PEER = "restate"
SERVICE = "Order"
PROMISE = "payment"
PAY_WITHIN = timedelta(minutes=30)
STARTS_AT_ONCE = 64
RETRY_SECONDS = 0.5


def order_service(books: PeerBooks, gate: PeerGate) -> Any:
    """The workflow and its handler, registered. Its steps are closures: they need the stores'
    pools."""

    async def place(intent: dict[str, Any]) -> None:
        await books.place([Intent(**intent)])

    async def settle(order_id: str) -> None:
        await books.settle([order_id])

    async def sell(intent: dict[str, Any]) -> None:
        await gate.sell([Sold(intent["order_id"], Intent(**intent).item)])

    async def undo(intent: dict[str, Any]) -> None:
        await books.release(intent["order_id"])
        await gate.release(Intent(**intent))

    async def run(ctx: restate.WorkflowContext, intent: dict[str, Any]) -> str:
        options = restate.RunOptions()
        await ctx.run_typed("place", place, options, intent)
        money = ctx.promise(PROMISE).value()
        match await restate.select(money=money, timeout=ctx.sleep(PAY_WITHIN)):
            case ["money", _]:
                await ctx.run_typed("settle", settle, options, intent["order_id"])
                await ctx.run_typed("sell", sell, options, intent)
                return "paid"
            case _:
                await ctx.run_typed("undo", undo, options, intent)
                return "timed_out"

    async def pay(ctx: restate.WorkflowSharedContext, trade_no: str) -> None:
        await ctx.promise(PROMISE).resolve(trade_no)

    service = restate.Workflow(SERVICE)
    # Not as decorators: to the type checker the SDK has no types.
    service.main()(run)
    service.handler()(pay)
    return service


async def serve(port: int, app_port: int, ingress: str) -> None:
    books = await PeerBooks.open_(os.environ["PEER_DSN"])
    gate = await PeerGate.open_(os.environ["PEER_REDIS"], PEER)
    config = Config()
    config.bind = [f"127.0.0.1:{app_port}"]
    # Each order under way is a stream of one connection.
    config.h2_max_concurrent_streams = 1024
    config.keep_alive_timeout = 3600

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64)) as http:

        async def start(intent: Intent) -> None:
            path = f"{ingress}/{SERVICE}/{intent.order_id}/run/send"
            async with http.post(path, json=intent.as_dict()) as answer:
                # 409: a workflow of this id was started before.
                if answer.status not in (200, 202, 409):
                    raise aiohttp.ClientError(f"{answer.status} {await answer.text()}")

        async def start_all(intents: list[Intent]) -> None:
            await asyncio.gather(*map(start, intents))

        async def take_intents() -> None:
            while True:
                try:
                    await gate.consume(STARTS_AT_ONCE, start_all)
                except aiohttp.ClientError as error:
                    print("intents wait", repr(error), file=sys.stderr, flush=True)
                    await asyncio.sleep(RETRY_SECONDS)

        tune_garbage_collection()
        app = restate.app([order_service(books, gate)])
        forever = asyncio.Event().wait
        await asyncio.gather(
            serve_http(app, config, shutdown_trigger=forever), take_intents(), serve_nothing(port)
        )


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
