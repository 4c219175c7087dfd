"""Which store an error comes from, so that a check can name it."""

from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from temporalio.service import RPCError

from domain.gateway_errors import GatewayError

_LAZY_CLIENT_FAILED = "Failed client connect"


def store_of(error: Exception) -> str | None:
    """The store that did not answer; None for an error that is no outage but a bug."""
    if isinstance(error, RedisError):
        return "Redis"
    if isinstance(error, GatewayError):
        return "the provider's book"
    if isinstance(error, RPCError) or _LAZY_CLIENT_FAILED in str(error):
        return "Temporal"
    # asyncpg lets the socket's own errors through; the other clients wrap theirs.
    if isinstance(error, SQLAlchemyError | OSError | TimeoutError):
        return "Postgres"
    return None
