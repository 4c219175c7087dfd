"""Contenders in turns, by one that works at a known pace."""

import asyncio
from collections.abc import Mapping

import psutil
import pytest

from bench.figures import BENCH
from bench.peers.contender import Ended, Progress
from bench.peers.report import PeersPlan
from bench.peers.turns import take_turns


class Steady:
    """Places and books one order every five milliseconds. `calls`: all that was asked of it."""

    def __init__(self, name: str, calls: list[str], times: int = 1) -> None:
        self.name = name
        self.times = times
        self._calls = calls
        self._orders = self._placed = self._paid = 0

    def pids(self) -> Mapping[str, int]:
        return {"worker": psutil.Process().pid}

    def load_pids(self) -> tuple[int, ...]:
        return ()

    async def open_sale(self, orders: int) -> None:
        self._calls.append(f"{self.name} sells {orders}")
        self._orders, self._placed, self._paid = orders, 0, 0

    async def click(self) -> None:
        await asyncio.sleep(0.005 * self._orders)
        self._placed = self._orders

    async def begin(self) -> None:
        assert self._placed == self._orders

    async def tell_paid(self, told: set[str]) -> None:
        assert told == set()
        await asyncio.sleep(0.005 * self._orders)
        self._paid = self._orders

    async def progress(self) -> Progress:
        return Progress(placed=self._placed, paid=self._paid)

    async def settle_down(self) -> None:
        self._calls.append(f"{self.name} is done")

    async def ended_as(self) -> Ended:
        raise AssertionError("no turn asks for this")

    async def kill_worker(self) -> None:
        raise AssertionError("no turn asks for this")

    async def start_worker(self) -> None:
        raise AssertionError("no turn asks for this")


async def test_nobody_begins_before_the_one_before_is_done() -> None:
    calls: list[str] = []
    contenders = [Steady("product", calls), Steady("plain", calls, times=2)]

    turns = await take_turns(contenders, PeersPlan(rounds=2, orders=10))

    warm_up = ["product sells 10", "product is done", "plain sells 10", "plain is done"]
    round_ = ["product sells 10", "product is done", "plain sells 20", "plain is done"]
    assert calls == [*warm_up, *round_, *round_]
    assert {name: len(mine) for name, mine in turns.items()} == {"product": 2, "plain": 2}


async def test_a_turn_is_as_quick_as_its_work_and_tells_servers_from_load() -> None:
    turns = await take_turns([Steady("product", [])], PeersPlan(rounds=1, orders=20))

    (turn,) = turns["product"]
    assert 20 < turn.placing.per_second <= 200
    assert 20 < turn.paying.per_second <= 200
    assert set(turn.placing.cpu) == {"worker", BENCH}
    assert turn.others >= 0


async def test_who_gets_nowhere_does_not_hang_the_bench(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stuck(Steady):
        async def click(self) -> None:
            """Accepted, and never placed."""

    monkeypatch.setattr("bench.peers.turns.STAGE_SECONDS_AT_MOST", 0.1)
    with pytest.raises(TimeoutError):
        await take_turns([Stuck("product", [])], PeersPlan(rounds=1, orders=5))
