"""The one way to reach Redis."""

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff

from infra.settings import Settings

MAX_CONNECTIONS = 64
RETRIES = 3
BACKOFF_BASE_SECONDS, BACKOFF_CAP_SECONDS = 0.05, 0.5


def connect_redis(settings: Settings) -> Redis:
    """A client with one pool; it connects at the first command and again after a restart.

    Commands are sent again when the connection broke or no answer came in time. That is safe
    because every script here answers a repeat from what the first call did.
    Close it with `aclose()`.
    """
    pool = BlockingConnectionPool.from_url(
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
    return Redis.from_pool(pool)
