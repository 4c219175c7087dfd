"""The one way to reach Redis."""

import re
from collections.abc import Iterable

from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.exceptions import ConnectionError as BrokenConnection

from infra.settings import Settings, UnusableSetting

MAX_CONNECTIONS = 64
RETRIES = 3
BACKOFF_BASE_SECONDS, BACKOFF_CAP_SECONDS = 0.05, 0.5


def connect_redis(settings: Settings) -> Redis:
    """A client with one pool; it connects at the first command and again after a restart.

    Commands are sent again when the connection broke or no answer came in time. That is safe
    because every script here answers a repeat from what the first call did.
    Close it with `aclose()`. Raises UnusableSetting.
    """
    try:
        pool = _pool(settings)
        # Else an option that redis-py does not know fails each command.
        pool.connection_class(**pool.connection_kwargs)
    except (ValueError, TypeError) as error:
        raise UnusableSetting(f"SECKILL_REDIS_URL: {_nothing_secret(error)}") from None
    pool.connection_class = _saying_when_it_is_closed(pool.connection_class)
    return Redis.from_pool(pool)


def without_retries(redis: Redis) -> Redis:
    """A client for the same server with a pool of its own, which raises at the first trouble.
    Close it with `aclose()`."""
    pool = redis.connection_pool
    said = {**pool.connection_kwargs, "retry": Retry(NoBackoff(), 0)}
    return Redis.from_pool(ConnectionPool(connection_class=pool.connection_class, **said))


def _pool(settings: Settings) -> BlockingConnectionPool:
    return BlockingConnectionPool.from_url(
        settings.redis_url,
        max_connections=MAX_CONNECTIONS,
        timeout=settings.redis_timeout_seconds,
        socket_timeout=settings.redis_timeout_seconds,
        socket_connect_timeout=settings.redis_timeout_seconds,
        decode_responses=True,
        # RESP2: the scripts answer arrays of text, and RESP3 adds a handshake per connection.
        protocol=2,
        retry=Retry(
            ExponentialWithJitterBackoff(base=BACKOFF_BASE_SECONDS, cap=BACKOFF_CAP_SECONDS),
            RETRIES,
        ),
    )


def _saying_when_it_is_closed(kind: type[AbstractConnection]) -> type[AbstractConnection]:
    """The same, but that a server which hangs up between two of our steps breaks it, as ever."""

    class ClosedIsBroken(kind):  # type: ignore[misc, valid-type]
        async def send_packed_command(
            self, command: bytes | str | Iterable[bytes], check_health: bool = True
        ) -> None:
            try:
                await super().send_packed_command(command, check_health)
            except RuntimeError as error:
                # What uvloop raises for a closed transport is no OSError, so redis-py would
                # neither try again nor call it an error of its own.
                raise BrokenConnection(str(error)) from error

    return ClosedIsBroken


def _nothing_secret(error: Exception) -> str:
    # What stands where the port is expected may be half a password with an unescaped sign.
    return re.sub(r"'[^']*'$", "that", str(error)) if "ort" in str(error) else str(error)
