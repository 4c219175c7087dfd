from collections.abc import AsyncIterator

import pytest

from audit.batches import BATCH, batches


async def numbers(count: int) -> AsyncIterator[int]:
    for number in range(count):
        yield number


@pytest.mark.parametrize(
    ("count", "sizes"),
    [(0, []), (1, [1]), (BATCH, [BATCH]), (2 * BATCH + 3, [BATCH, BATCH, 3])],
)
async def test_a_stream_comes_in_pieces_and_whole(count: int, sizes: list[int]) -> None:
    pieces = [piece async for piece in batches(numbers(count))]

    assert [len(piece) for piece in pieces] == sizes
    assert [number for piece in pieces for number in piece] == list(range(count))
