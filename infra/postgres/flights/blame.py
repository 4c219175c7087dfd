"""Who is to blame for a flight that failed at Postgres."""

import asyncpg
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from infra.group_commit import Fault

# Postgres has undone one of two, and the other is through by now.
_CHANCE = ("40001", "40P01")
# Classes of SQLSTATE: connection, resources, operator intervention, the system.
_THE_SERVER = ("08", "53", "57", "58")
# Refuses to write: a standby, or one that is being moved.
_READ_ONLY = "25006"


def blame(error: Exception) -> Fault:
    """For errors of asyncpg, of SQLAlchemy's pool, and of the network below them."""
    cause: BaseException | None = error.orig if isinstance(error, DBAPIError) else error
    state = getattr(cause, "sqlstate", None) or ""
    if state in _CHANCE:
        return Fault.CHANCE
    if state.startswith(_THE_SERVER) or state == _READ_ONLY:
        return Fault.THE_SERVER
    if state:
        return Fault.A_MEMBER
    away = SQLAlchemyError | asyncpg.InterfaceError | OSError | TimeoutError
    return Fault.THE_SERVER if isinstance(error, away) else Fault.A_MEMBER
