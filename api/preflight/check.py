"""One line of a preflight: looked at within its time, and told whatever happens."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import structlog

log = structlog.get_logger()

CHECK_SECONDS = 6.0


class Finding(NamedTuple):
    """`detail`: what was seen, and from where; `advice`: what to do, empty where nothing is."""

    ok: bool
    detail: str
    advice: str = ""


class Check(NamedTuple):
    code: str
    look: Callable[[], Awaitable[Finding]]
    # What to do where it could not even be looked at.
    advice: str
    seconds: float = CHECK_SECONDS


class Checked(NamedTuple):
    code: str
    ok: bool
    detail: str
    advice: str


async def carry_out(check: Check) -> Checked:
    """Never raises: what cannot be looked at is not ok, and the other lines are still worth
    reading."""
    try:
        async with asyncio.timeout(check.seconds):
            found = await check.look()
    except TimeoutError:
        found = Finding(False, f"no answer in {check.seconds:g} s", check.advice)
    except Exception as error:
        # Its kind alone: addresses and names stay in the log.
        log.warning("preflight_check_failed", code=check.code, error=repr(error)[:200])
        found = Finding(False, f"could not be looked at: {type(error).__name__}", check.advice)
    return Checked(check.code, *found)
