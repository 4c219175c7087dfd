"""Which store an error comes from, so that a check can name it."""

from asyncpg import InterfaceError, PostgresError
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
    # While it connects asyncpg's own and the socket's errors come through; others wrap theirs.
    if isinstance(error, SQLAlchemyError | PostgresError | InterfaceError | OSError | TimeoutError):
        return "Postgres"
    return None
