"""A line of a preflight never raises, and never takes longer than it may."""

import asyncio

from api.preflight.check import Check, Finding, carry_out


async def right() -> Finding:
    return Finding(True, "seen from here")


async def broken() -> Finding:
    raise ConnectionRefusedError("postgres at 10.0.0.7")


async def endless() -> Finding:
    await asyncio.Event().wait()
    raise AssertionError


async def test_what_was_found_is_told() -> None:
    assert await carry_out(Check("a", right, "look")) == ("a", True, "seen from here", "")


async def test_what_breaks_is_not_ok_and_gives_no_address_away() -> None:
    told = await carry_out(Check("a", broken, "look"))

    assert told == ("a", False, "could not be looked at: ConnectionRefusedError", "look")


async def test_what_does_not_end_is_given_up() -> None:
    told = await carry_out(Check("a", endless, "look", seconds=0.01))

    assert told == ("a", False, "no answer in 0.01 s", "look")
