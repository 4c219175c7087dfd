"""Streams in pieces, so that a large sale never lies in memory at once."""

from collections.abc import AsyncIterable, AsyncIterator, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

BATCH = 500


async def batches(stream: AsyncIterable[T]) -> AsyncIterator[list[T]]:
    batch: list[T] = []
    async for value in stream:
        batch.append(value)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def batched(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]
