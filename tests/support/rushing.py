"""Rushes of a test's size."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

from rich.console import Console

from practice.rush.context import RushContext
from practice.rush.http import HttpClient
from practice.rush.notes import Notes
from practice.rush.plan import RushPlan, StackAddress
from practice.rush.provider import ProviderClient
from practice.rush.report import RushReport
from practice.rush.retries import Retries
from practice.rush.scenario import rush
from practice.rush.shop import ShopClient
from practice.rush.sse import EventSource
from practice.rush.streams import Streams
from tests.support.http_server import serving
from tests.support.shop_double import ShopDouble


@asynccontextmanager
async def context_at(shop: ShopDouble, streams_share: float = 0.0) -> AsyncIterator[RushContext]:
    """What the parts of a rush need, at a shop and provider of this test."""
    notes = Notes()
    async with (
        serving(shop.app()) as url,
        HttpClient(url, connections=8, timeout_seconds=5.0) as http,
    ):
        retries = Retries(notes, 5.0, Random("1"))
        tokens: dict[str, str] = {}
        # Its user decides what is told by streams.
        streams = Streams(EventSource(url), notes, tokens, streams_share, Random("1"))
        async with streams:
            shop_client, provider = ShopClient(http), ProviderClient(http)
            yield RushContext(shop_client, provider, notes, retries, streams, tokens)


class Rusher:
    """Rushes a practice shop with a plan small enough for a test."""

    def __init__(self, console: Console) -> None:
        self.console = console

    async def __call__(self, shop: ShopDouble, **changes: object) -> RushReport:
        terms: dict[str, object] = {
            "buyers": 40, "units": 10, "seconds": 1.0, "pay_window": 3, "settle_seconds": 15.0,
        }  # fmt: skip
        plan = RushPlan.model_validate(terms | changes)
        async with serving(shop.app()) as url:
            return await rush(plan, StackAddress(api_url=url, sandbox_url=url), self.console)
