"""Each live room is given its turns: what lapsed is taken back, and the next ones are called."""

import asyncio
import time
from collections.abc import Callable

import structlog
from redis.exceptions import RedisError

from domain.room import RoomFigures
from domain.sale import ItemRef
from infra.redis.room_gate import RoomGate, RoomTurn

log = structlog.get_logger()

# However many processes take turns, the script counts time once.
TURN_SECONDS = 0.25
# While more are to be called than one turn may. Between two of them others are served.
FULL_TURN_SECONDS = 0.1
# Rows are asked no oftener for a room that Redis lost.
RECOVER_SECONDS = 1.0
ROOMS_AT_ONCE = 100


Figures = dict[ItemRef, RoomFigures]
TellFigures = Callable[[Figures], None]


def _tell_nobody(_figures: Figures) -> None:
    return


class RoomControl:
    """Runs in any number of processes at once. `tell_figures`: hears at each turn how it stands in
    all rooms that are known to be live, and so of none while Redis is away."""

    def __init__(self, rooms: RoomGate, tell_figures: TellFigures = _tell_nobody) -> None:
        self._rooms = rooms
        self._tell_figures = tell_figures
        self._recovered: dict[ItemRef, float] = {}

    async def run(self) -> None:
        """Until it is cancelled; nothing that fails ends it."""
        is_in_trouble = False
        while True:
            is_full = False
            try:
                is_full = await self.turn()
                is_in_trouble = False
            except Exception as error:
                # Redis is away for everybody, which is told once.
                if not is_in_trouble or not isinstance(error, RedisError):
                    log.warning("room_control_failed", error=repr(error)[:200])
                is_in_trouble = True
                self._tell_figures({})
            await asyncio.sleep(FULL_TURN_SECONDS if is_full else TURN_SECONDS)

    async def turn(self) -> bool:
        """One turn of each live room; whether one of them has more to call at once. Raises
        RedisError while Redis is away."""
        is_full = False
        items, figures = await self._rooms.live(), Figures()
        for start in range(0, len(items), ROOMS_AT_ONCE):
            some = items[start : start + ROOMS_AT_ONCE]
            for item, turned in zip(some, await self._rooms.turn(some), strict=True):
                if isinstance(turned, Exception):
                    log.warning("room_turn_failed", **item.model_dump(), error=repr(turned)[:200])
                elif not turned.is_known:
                    await self._recover(item)
                else:
                    figures[item] = turned.figures
                    is_full |= turned.is_full
                    _tell(item, turned)
        self._tell_figures(figures)
        return is_full

    async def _recover(self, item: ItemRef) -> None:
        now = time.monotonic()
        if now - self._recovered.get(item, 0.0) < RECOVER_SECONDS:
            return
        self._recovered[item] = now
        try:
            await self._rooms.recover(item)
        except Exception as error:
            log.warning("room_not_recovered", **item.model_dump(), error=repr(error)[:200])


def _tell(item: ItemRef, turned: RoomTurn) -> None:
    if turned.called:
        log.info("room_called", **item.model_dump(), people=len(turned.called))
    if turned.is_news:
        log.info("room_over" if turned.is_over else "room_goes_on", **item.model_dump())
