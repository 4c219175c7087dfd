import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from rich.console import Console

from practice.rush.plan import RushPlan, StackAddress
from practice.rush.report import RushReport
from practice.rush.scenario import rush
from tests.support.shop_double import PracticeShop


@asynccontextmanager
async def served(shop: PracticeShop) -> AsyncIterator[str]:
    server = uvicorn.Server(uvicorn.Config(shop.app(), port=0, log_level="error", lifespan="off"))
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(10):
        while not server.started:
            await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await serving


class Rusher:
    """Rushes a practice shop with a plan small enough for a test."""

    def __init__(self, console: Console) -> None:
        self.console = console

    async def __call__(self, shop: PracticeShop, **changes: object) -> RushReport:
        terms: dict[str, object] = {
            "buyers": 40, "units": 10, "seconds": 1.0, "pay_window": 3, "settle_seconds": 15.0,
        }  # fmt: skip
        plan = RushPlan.model_validate(terms | changes)
        async with served(shop) as url:
            return await rush(plan, StackAddress(api_url=url, sandbox_url=url), self.console)
