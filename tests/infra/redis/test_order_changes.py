import asyncio
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field

import pytest
from redis.asyncio import Redis

from domain.order import OrderChange
from infra.redis import order_changes
from infra.redis.order_changes import (
    CHANNEL,
    ChangeAnnouncer,
    ChangeListener,
    as_message,
    from_message,
)
from tests.support.polling import until

ADA, BOB = OrderChange('ada, \n"the" 女王', "O1", 3), OrderChange("bob", "O2", 1)


@dataclass
class Ear:
    messages: list[Collection[OrderChange]] = field(default_factory=list)
    missed: int = 0

    def look(self) -> None:
        self.missed += 1


@pytest.fixture
async def ear(redis: Redis) -> AsyncIterator[Ear]:
    """That listens already."""
    ear = Ear()
    listening = asyncio.create_task(ChangeListener(redis, ear.messages.append, ear.look).run())
    await until(lambda: ear.missed)
    yield ear
    listening.cancel()


def test_a_message_comes_back_as_it_was_told() -> None:
    assert from_message(as_message([ADA, BOB])) == [ADA, BOB]


async def test_what_is_told_in_one_turn_is_one_message(redis: Redis, ear: Ear) -> None:
    announcer = ChangeAnnouncer(redis)
    announcer.announce([ADA])
    announcer.announce([BOB, ADA._replace(version=4)])
    await until(lambda: ear.messages)
    assert ear.messages == [[ADA._replace(version=4), BOB]]


async def test_who_ends_tells_what_he_had_to_tell(redis: Redis, ear: Ear) -> None:
    announcer = ChangeAnnouncer(redis)
    announcer.announce([ADA])
    await announcer.aclose()
    await until(lambda: ear.messages)


async def test_a_message_nobody_understands_is_passed_over(redis: Redis, ear: Ear) -> None:
    for odd in ("{", "7", '[["ada"]]', '[["ada","O1","soon"]]', as_message([BOB])):
        await redis.publish(CHANNEL, odd)
    await until(lambda: ear.messages)
    assert ear.messages == [[BOB]]


async def test_who_was_cut_off_listens_again_and_knows_that_he_missed_something(
    redis: Redis, ear: Ear
) -> None:
    await redis.client_kill_filter(_type="pubsub")
    await until(lambda: ear.missed == 2)
    await redis.publish(CHANNEL, as_message([ADA]))
    await until(lambda: ear.messages)


async def test_a_server_that_falls_silent_is_left(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_changes, "LISTEN_SECONDS", 0.05)
    ear = Ear()
    listening = asyncio.create_task(ChangeListener(redis, ear.messages.append, ear.look).run())
    await until(lambda: ear.missed)
    other = Redis.from_pool(redis.connection_pool)
    await other.client_pause(300)
    await until(lambda: ear.missed == 2)
    listening.cancel()


async def test_while_redis_is_away_nobody_waits_and_little_is_kept() -> None:
    nowhere = Redis.from_url("redis://127.0.0.1:1/0")
    announcer = ChangeAnnouncer(nowhere)
    for number in range(3):
        many = [ADA._replace(order_id=f"{number}-{n}") for n in range(order_changes.MOST_WAITING)]
        announcer.announce(many)
    assert len(announcer._waiting) == order_changes.MOST_WAITING
    await until(lambda: not announcer._waiting)
    await announcer.aclose()
    await nowhere.aclose()
