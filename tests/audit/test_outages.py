"""An outage is put down to its store, and a bug is none."""

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from sqlalchemy.exc import OperationalError
from temporalio.service import RPCError, RPCStatusCode

from audit.outages import store_of
from domain.gateway_errors import TryLater


@pytest.mark.parametrize(
    ("error", "store"),
    [
        (RedisConnectionError("refused"), "Redis"),
        (TryLater("the book is closed"), "the provider's book"),
        (RPCError("away", RPCStatusCode.UNAVAILABLE, b""), "Temporal"),
        (RuntimeError("Failed client connect: `tonic` says no"), "Temporal"),
        (OperationalError("SELECT 1", {}, Exception()), "Postgres"),
        (ConnectionRefusedError(), "Postgres"),
        (TimeoutError(), "Postgres"),
        (RuntimeError("a bug"), None),
        (KeyError("a bug"), None),
    ],
)
def test_an_error_is_put_down_to_its_store(error: Exception, store: str | None) -> None:
    assert store_of(error) == store
