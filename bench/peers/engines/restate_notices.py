"""Tells Restate's orders of their money, through its ingress."""

import sys

import aiohttp
import uvloop

from bench.peers.engines.gate import Sold
from bench.peers.engines.notice_line import serve_notices


async def serve(port: int, ingress: str) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64)) as http:

        async def send(notice: Sold) -> None:
            trade_no = f"t-{notice.order_id}"
            path = f"{ingress}/Order/{notice.order_id}/pay/send"
            headers = {"idempotency-key": trade_no}
            async with http.post(path, json=trade_no, headers=headers) as answer:
                if answer.status not in (200, 202):
                    raise aiohttp.ClientError(f"{answer.status} {await answer.text()}")

        await serve_notices(port, send)


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), sys.argv[2]))
