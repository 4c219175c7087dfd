"""Each live room is given its turns: what lapsed is taken back, and the next ones are called."""

import asyncio
import time

import structlog
from redis.exceptions import RedisError

from domain.sale import ItemRef
from infra.redis.room_gate import RoomGate

log = structlog.get_logger()

# However many processes take turns, the script counts time once.
TURN_SECONDS = 0.25
# Rows are asked no oftener for a room that Redis lost.
RECOVER_SECONDS = 1.0


class RoomControl:
    """Runs in any number of processes at once."""

    def __init__(self, rooms: RoomGate) -> None:
        self._rooms = rooms
        self._recovered: dict[ItemRef, float] = {}

    async def run(self) -> None:
        """Until it is cancelled; nothing that fails ends it."""
        is_in_trouble = False
        while True:
            try:
                await self.turn()
                is_in_trouble = False
            except Exception as error:
                # Redis is away for everybody, which is told once.
                if not is_in_trouble or not isinstance(error, RedisError):
                    log.warning("room_control_failed", error=repr(error)[:200])
                is_in_trouble = True
            await asyncio.sleep(TURN_SECONDS)

    async def turn(self) -> None:
        """One turn of each live room. Raises what Redis or a recovery raises, after all others had
        theirs."""
        items = await self._rooms.live()
        outcomes = await asyncio.gather(*map(self._turn_of, items), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def _turn_of(self, item: ItemRef) -> None:
        verdict, is_over, is_new, *called = await self._rooms.turn(item)
        if called:
            log.info("room_called", sale_id=item.sale_id, sku_id=item.sku_id, people=len(called))
        if is_new == "1":
            log.info("room_over", sale_id=item.sale_id, sku_id=item.sku_id, over=is_over == "1")
        if verdict == "unknown" and self._may_recover(item):
            await self._rooms.recover(item)

    def _may_recover(self, item: ItemRef) -> bool:
        now = time.monotonic()
        if now - self._recovered.get(item, 0.0) < RECOVER_SECONDS:
            return False
        self._recovered[item] = now
        return True
