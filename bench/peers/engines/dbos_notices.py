"""Tells DBOS' orders of their money: from a process of its own, as a shop's web server would."""

import asyncio
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import uvloop
from dbos import DBOSClient

from bench.peers.engines.gate import Sold
from bench.peers.engines.notice_line import serve_notices

TOPIC = "payment"
THREADS = 8


async def serve(port: int) -> None:
    client = DBOSClient(system_database_url=os.environ["PEER_DBOS_DSN"])
    # The client sends from threads of the loop's own pool.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS))

    async def send(notice: Sold) -> None:
        trade_no = f"t-{notice.order_id}"
        await client.send_async(notice.order_id, trade_no, TOPIC, idempotency_key=trade_no)

    await serve_notices(port, send)


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
