import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from infra.group_commit import Fault
from infra.postgres.engine import Database
from infra.postgres.flights.blame import blame
from infra.postgres.hot_path import PlacingRefused


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (asyncpg.DeadlockDetectedError(), Fault.CHANCE),
        (asyncpg.SerializationError(), Fault.CHANCE),
        (asyncpg.AdminShutdownError(), Fault.THE_SERVER),
        (asyncpg.CannotConnectNowError(), Fault.THE_SERVER),
        (asyncpg.TooManyConnectionsError(), Fault.THE_SERVER),
        (asyncpg.DiskFullError(), Fault.THE_SERVER),
        (asyncpg.ReadOnlySQLTransactionError(), Fault.THE_SERVER),
        (asyncpg.ConnectionDoesNotExistError(), Fault.THE_SERVER),
        (asyncpg.InterfaceError("connection is closed"), Fault.THE_SERVER),
        (ConnectionRefusedError(), Fault.THE_SERVER),
        (TimeoutError(), Fault.THE_SERVER),
        (PoolTimeout(), Fault.THE_SERVER),
        (DBAPIError("", {}, asyncpg.DeadlockDetectedError()), Fault.CHANCE),
        (asyncpg.CheckViolationError(), Fault.A_MEMBER),
        (asyncpg.UniqueViolationError(), Fault.A_MEMBER),
        (asyncpg.DataError("a number too large"), Fault.A_MEMBER),
        (PlacingRefused("sold_out"), Fault.A_MEMBER),
        (KeyError("a mistake of ours"), Fault.A_MEMBER),
    ],
    ids=lambda it: type(it).__name__ if isinstance(it, Exception) else str(it),
)
def test_who_is_to_blame(error: Exception, fault: Fault) -> None:
    assert blame(error) is fault


async def test_a_server_that_is_not_there_is_to_blame_itself() -> None:
    nowhere = Database.connect("postgresql://nobody@127.0.0.1:1/nothing")
    with pytest.raises(Exception) as raised:
        async with nowhere.driver():
            pass
    await nowhere.aclose()
    assert blame(raised.value) is Fault.THE_SERVER
