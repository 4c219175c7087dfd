"""Whether Redis can do what the gate needs of it: write."""

from redis.asyncio import Redis
from redis.exceptions import (
    BusyLoadingError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

# No item's key looks like it, and it goes away by itself.
PROBE = "seckill:probe"
PROBE_MILLISECONDS = 10_000

_REFUSALS = {
    "MISCONF": "cannot write to its disk",
    "NOREPLICAS": "has too few replicas to accept writes",
    "BUSY": "is held by a script that does not end",
    "MASTERDOWN": "has lost its primary",
}


async def write_something(redis: Redis) -> None:
    """Raises RedisError when nothing can be written. A replica and a full Redis answer PING, and
    refuse every click."""
    await redis.set(PROBE, "1", px=PROBE_MILLISECONDS)


def what_it_refuses(error: RedisError) -> str | None:
    """In words for people; None when Redis did not answer at all."""
    if isinstance(error, ReadOnlyError):
        return "is a read-only replica"
    if isinstance(error, OutOfMemoryError):
        return "is full (maxmemory)"
    if isinstance(error, BusyLoadingError):
        return "is still loading its data"
    if isinstance(error, ResponseError):
        code = str(error).partition(" ")[0].rstrip(":")
        return _REFUSALS.get(code, "refuses to write")
    return None
