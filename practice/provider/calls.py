"""How a merchant's call is answered: well, with a 500, or not at all."""

import asyncio
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from practice.provider.control import Controls, Mishap

HANG_SECONDS = 120.0
LOOK_SECONDS = 0.1


async def answer_or_mishap(
    request: Request, controls: Controls, out_trade_no: str, act: Callable[[], Response]
) -> Response:
    """Do the call, unless the switches want a mishap. A mishap may hide a call that worked:
    the caller cannot know, which is the very case merchants get wrong."""
    mishap = controls.mishap(controls.of(out_trade_no))
    if mishap is None:
        return act()
    if controls.takes_effect():
        act()
    if mishap is Mishap.HANG:
        for _ in range(int(HANG_SECONDS / LOOK_SECONDS)):
            if await request.is_disconnected():
                break
            await asyncio.sleep(LOOK_SECONDS)
    return Response("internal error", 500, media_type="text/plain")
