"""What waits for a reader, and when his stream ends."""

import asyncio

import pytest

from api.streams.stream import End, Message, Stream


def a_stream(seconds: float = 60.0, then: End = End.EXPIRED, **options: float) -> Stream:
    return Stream("ada", seconds, then, **options)  # type: ignore[arg-type]


def word(key: str, version: int) -> Message:
    return Message(key, version, "order", f'{{"version":{version}}}')


async def all_of(stream: Stream) -> list[list[tuple[str, int]]]:
    """By key and version, until it ends."""
    return [
        [(message.key, message.version) for message in batch] async for batch in stream.batches()
    ]


async def test_of_one_thing_the_newest_word_waits_alone() -> None:
    stream = a_stream()
    for key, version in (("a", 1), ("b", 1), ("a", 2), ("a", 2), ("a", 3)):
        stream.offer(word(key, version))
    stream.finish(End.FINAL)
    assert await all_of(stream) == [[("a", 3), ("b", 1)]]


async def test_what_was_understood_or_said_is_not_said_again() -> None:
    stream = a_stream()
    stream.understood("a", 4)
    stream.offer(word("a", 4))
    reading = asyncio.create_task(all_of(stream))
    for version in (5, 5, 6):
        stream.offer(word("a", version))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    # Postgres was put back: the truth of now is said, whatever its number.
    stream.offer(word("a", 4))
    stream.finish(End.FINAL)
    assert [batch for batch in await reading if batch][-1] == [("a", 4)]


async def test_who_is_behind_of_too_many_things_is_cut_off() -> None:
    stream = a_stream(most_waiting=3)
    for number in range(5):
        stream.offer(word(str(number), 1))
    assert stream.end is End.TOO_SLOW
    assert await all_of(stream) == []


async def test_silence_is_broken_by_heartbeats() -> None:
    stream = a_stream(heartbeat_seconds=0.01)
    batches = stream.batches()
    assert await anext(batches) == ()
    assert await anext(batches) == ()
    stream.offer(word("a", 1))
    assert await anext(batches) == (word("a", 1),)


@pytest.mark.parametrize("then", [End.EXPIRED, End.TOO_LONG])
async def test_it_lasts_so_long_and_no_longer(then: End) -> None:
    stream = a_stream(0.0, then)
    stream.offer(word("a", 1))
    assert await all_of(stream) == [[("a", 1)]]
    assert stream.end is then


async def test_what_waits_is_sent_before_an_end_unless_nobody_reads() -> None:
    for end, sent in ((End.CLOSING, [[("a", 1)]]), (End.GONE, [])):
        stream = a_stream()
        stream.offer(word("a", 1))
        stream.finish(end)
        assert await all_of(stream) == sent


async def test_what_ended_first_stays_the_reason_but_for_a_reader_who_left() -> None:
    stream = a_stream()
    stream.finish(End.FINAL)
    ends = [stream.end]
    for end in (End.CLOSING, End.GONE, End.FINAL):
        stream.finish(end)
        ends.append(stream.end)
    assert ends == [End.FINAL, End.FINAL, End.GONE, End.GONE]


async def test_its_place_is_given_back_once() -> None:
    stream, given_back = a_stream(), list[str]()
    stream.at_close(lambda: given_back.append("a"))
    stream.close()
    stream.close()
    assert given_back == ["a"]
    assert stream.end is End.GONE
