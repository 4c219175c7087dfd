"""The streams of intents that a test of their readers is about."""

import asyncio

from domain.sale import ItemRef
from infra.redis.keys import ItemKeys
from tests.support.gate import ITEM, OTHER_ITEM


class BothStreams:
    """Live at all times, whatever is in them."""

    async def some(self, most: int) -> dict[str, ItemRef]:
        return await self.all()

    async def all(self) -> dict[str, ItemRef]:
        return {ItemKeys.of(item).intents: item for item in (ITEM, OTHER_ITEM)}

    async def wait(self, at_most_ms: int) -> bool:
        await asyncio.sleep(at_most_ms / 1000)
        return True
