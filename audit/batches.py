"""Streams in pieces, so that a large sale never lies in memory at once."""

from collections.abc import AsyncIterable, AsyncIterator
from typing import TypeVar

T = TypeVar("T")

BATCH = 500


async def batches(stream: AsyncIterable[T], size: int = BATCH) -> AsyncIterator[list[T]]:
    batch: list[T] = []
    async for value in stream:
        batch.append(value)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
