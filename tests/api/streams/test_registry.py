"""How many streams there may be."""

import time

import pytest

from api.metrics import Metrics
from api.streams.registry import Streams
from api.streams.stream import End
from domain.errors import ErrorCode, Refusal


def streams(**terms: float) -> Streams:
    usual = {"at_most": 3, "per_user": 2, "per_address": 1}
    return Streams(Metrics(), **{**usual, **terms})  # type: ignore[arg-type]


def refusal_of(streams: Streams, user_id: str) -> ErrorCode:
    with pytest.raises(Refusal) as refused:
        streams.open(user_id, "order")
    return refused.value.code


async def test_a_user_has_so_many_and_the_process_so_many() -> None:
    some = streams()
    first, _ = some.open("ada", "order"), some.open("ada", "user")
    assert refusal_of(some, "ada") is ErrorCode.RATE_LIMITED
    some.open("bob", "order")
    assert refusal_of(some, "cid") is ErrorCode.OVERLOADED
    first.close()
    some.open("ada", "order")


async def test_who_closes_gives_his_place_back_once_and_leaves_nothing() -> None:
    some = streams()
    for _ in range(5):
        one = some.open("ada", "order")
        one.close()
        one.close()
    assert (some._open, some._of_user) == (set(), {})
    told = some._metrics.exposition().decode()
    assert 'seckill_streams_open{kind="order"} 0.0' in told


async def test_strangers_have_a_share_and_each_address_so_many() -> None:
    some = streams(at_most=4)
    first = some.open_to_anybody("192.0.2.1", "room")
    with pytest.raises(Refusal) as same:
        some.open_to_anybody("192.0.2.1", "room")
    some.open_to_anybody("192.0.2.2", "room")
    with pytest.raises(Refusal) as more:
        some.open_to_anybody("192.0.2.3", "room")
    some.open("192.0.2.1", "order")
    first.close()
    some.open_to_anybody("192.0.2.3", "room")
    codes = (same.value.code, more.value.code)
    assert codes == (ErrorCode.RATE_LIMITED, ErrorCode.OVERLOADED)


@pytest.mark.parametrize(("left", "end"), [(0.01, End.EXPIRED), (3600.0, End.TOO_LONG)])
async def test_it_ends_with_the_token_or_before(left: float, end: End) -> None:
    one = streams(longest_seconds=0.02).open("ada", "order", expires_at=time.time() + left)
    assert [batch async for batch in one.batches()] == []
    assert one.end is end


async def test_when_the_process_ends_all_end_and_none_is_opened() -> None:
    some = streams()
    one = some.open("ada", "order")
    some.end_all()
    assert one.end is End.CLOSING
    assert refusal_of(some, "bob") is ErrorCode.UNAVAILABLE
