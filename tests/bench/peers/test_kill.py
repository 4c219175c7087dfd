"""kill -9 in the middle, of a worker that runs: the consumer written by hand, on real stores."""

from pathlib import Path

import pytest
from redis.asyncio import Redis

from bench.peers.contenders import PLAIN
from bench.peers.kill import kill_in_the_middle
from bench.peers.peer import open_peer
from tests.support.peer_stores import own_peer_stores

ORDERS = 3000


@pytest.mark.servers
async def test_a_worker_that_dies_twice_loses_nothing(
    redis: Redis, redis_url: str, postgres_dsn: str, tmp_path: Path
) -> None:
    async with (
        own_peer_stores(redis_url, postgres_dsn) as stores,
        open_peer(PLAIN, stores, tmp_path) as peer,
    ):
        survival = await kill_in_the_middle(peer, ORDERS)

    assert (survival.lost, survival.doubled, survival.left_behind) == (0, 0, 0)
    assert survival.placing_back_seconds is not None
    assert survival.paying_back_seconds is not None
    # Else nothing was in hand when it died.
    assert 0 < survival.paid_at_kill < ORDERS
    # It takes notices itself: what it did not answer has to be told again.
    assert survival.unacknowledged == ORDERS - survival.paid_at_kill
