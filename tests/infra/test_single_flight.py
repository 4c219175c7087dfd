import asyncio
from collections.abc import Awaitable, Callable

import pytest

from infra import single_flight
from infra.single_flight import SingleFlight


class Source:
    """Answers with the number of the read, or as told; a read ends when it is let."""

    def __init__(self) -> None:
        self.reads = 0
        self.let = asyncio.Event()
        self.let.set()
        self.absent = False
        self.error: Exception | None = None

    async def read(self) -> int | None:
        self.reads += 1
        number = self.reads
        await self.let.wait()
        if self.error:
            raise self.error
        return None if self.absent else number


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def old(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From then on, whatever is remembered is too old."""
    return lambda: monkeypatch.setattr(single_flight, "FRESH_SECONDS", 0.0)


async def under_way(reading: Awaitable[int | None]) -> "asyncio.Task[int | None]":
    task = asyncio.ensure_future(reading)
    await asyncio.sleep(0)
    return task


async def test_many_who_ask_at_once_share_one_read(source: Source) -> None:
    flight: SingleFlight[str, int | None] = SingleFlight(10)

    answers = await asyncio.gather(*(flight.get("a", source.read) for _ in range(50)))

    assert answers == [1] * 50
    assert await flight.get("a", source.read) == 1
    assert await flight.get("b", source.read) == 2


async def test_an_answer_is_good_for_a_moment_only(source: Source, old: Callable[[], None]) -> None:
    flight: SingleFlight[str, int | None] = SingleFlight(10)
    assert await flight.get("a", source.read) == 1

    old()

    assert await flight.get("a", source.read) == 2


async def test_who_leaves_does_not_end_the_read_of_the_others(source: Source) -> None:
    flight: SingleFlight[str, int | None] = SingleFlight(10)
    source.let.clear()
    impatient = await under_way(flight.get("a", source.read))
    patient = await under_way(flight.get("a", source.read))

    impatient.cancel()
    source.let.set()

    assert await patient == 1
    assert source.reads == 1


async def test_what_was_being_read_before_a_change_is_not_remembered(source: Source) -> None:
    flight: SingleFlight[str, int | None] = SingleFlight(10)
    source.let.clear()
    before = await under_way(flight.get("a", source.read))

    flight.forget("a")
    after = await under_way(flight.get("a", source.read))
    source.let.set()

    assert (await before, await after) == (1, 2)
    assert await flight.get("a", source.read) == 2


@pytest.mark.parametrize("key", ["a", None])
async def test_forgetting_one_key_or_all(source: Source, key: str | None) -> None:
    flight: SingleFlight[str, int | None] = SingleFlight(10)
    await flight.get("a", source.read)
    await flight.get("b", source.read)

    flight.forget(key)

    assert await flight.get("a", source.read) == 3
    assert await flight.get("b", source.read) == (4 if key is None else 2)


@pytest.mark.parametrize("remembered", [True, False])
async def test_absence_is_remembered_only_where_that_is_wanted(
    source: Source, remembered: bool
) -> None:
    flight: SingleFlight[str, int | None] = SingleFlight(10, remembers_absence=remembered)
    source.absent = True
    assert await flight.get("a", source.read) is None

    source.absent = False

    assert await flight.get("a", source.read) == (None if remembered else 2)


async def test_an_outage_shows_the_last_answer_and_nothing_else_does(
    source: Source, old: Callable[[], None]
) -> None:
    flight: SingleFlight[str, int | None] = SingleFlight(10, outages=(OSError,))
    source.error = OSError("away")
    with pytest.raises(OSError, match="away"):
        await flight.get("a", source.read)
    source.error = None
    assert await flight.get("a", source.read) == 2

    old()
    source.error = OSError("away")
    assert await flight.get("a", source.read) == 2
    source.error = ValueError("a mistake of ours")
    with pytest.raises(ValueError, match="of ours"):
        await flight.get("a", source.read)


async def test_invented_keys_do_not_fill_the_memory(source: Source) -> None:
    flight: SingleFlight[int, int | None] = SingleFlight(3)

    for key in range(50):
        await flight.get(key, source.read)

    assert len(flight._seen) <= 3
    assert await flight.get(49, source.read) == 50


async def test_what_is_asked_for_all_the_time_outlives_a_scan(
    source: Source, old: Callable[[], None]
) -> None:
    flight: SingleFlight[object, int | None] = SingleFlight(3, outages=(OSError,))
    old()
    for key in range(50):
        await flight.get("asked for", source.read)
        await flight.get(key, source.read)

    source.error = OSError("away")

    assert await flight.get("asked for", source.read) == 99


async def test_an_outage_does_not_make_an_old_absence_true(
    source: Source, old: Callable[[], None]
) -> None:
    flight: SingleFlight[str, int | None] = SingleFlight(
        3, remembers_absence=True, outages=(OSError,)
    )
    source.absent = True
    await flight.get("a", source.read)

    old()
    source.error = OSError("away")

    with pytest.raises(OSError, match="away"):
        await flight.get("a", source.read)
