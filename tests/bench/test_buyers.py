"""What the buyers of a bench do when they are not answered well."""

import asyncio

import pytest

from bench import buyers
from bench.buyers import AT_ONCE, UnexpectedAnswer, at_once, patiently
from practice.rush.http import Answer


async def test_no_more_than_a_few_are_under_way_at_once() -> None:
    under_way, most = 0, 0

    async def one(number: int) -> int:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        return number

    jobs = range(3 * AT_ONCE)
    assert await at_once(one, jobs) == list(jobs)
    assert most == AT_ONCE


async def test_who_is_told_to_come_back_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buyers, "ASK_AGAIN_SECONDS", 0.001)
    statuses = iter((503, 409, 202))

    async def ask() -> Answer:
        return Answer(next(statuses), {}, b"")

    assert (await patiently(ask)).status == 202


async def test_a_refusal_that_stands_is_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buyers, "ASKING_SECONDS_AT_MOST", 0.0)

    async def ask() -> Answer:
        return Answer(403, {}, b"no")

    with pytest.raises(UnexpectedAnswer, match="403"):
        await patiently(ask)
