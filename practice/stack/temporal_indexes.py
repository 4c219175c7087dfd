"""The search indexes of the embedded Temporal: each is written at every change of every workflow,
and nobody asks for most of them."""

import sqlite3
from contextlib import closing
from pathlib import Path

from infra.temporal.search_attributes import SEARCH_TYPES

_TABLE = "executions_visibility"
# The server's own lists, and those of its schedules.
_OWN = frozenset(
    {
        "default_idx",
        "by_execution_time",
        "by_workflow_id",
        "by_workflow_type",
        "by_status",
        "by_temporal_namespace_division",
    }
)
_BUSY_SECONDS = 5.0


def drop_unused_indexes(database: Path) -> None:
    """Leave the indexes that searches by our own attributes use; a search by another one reads
    the whole list. May be repeated, also beside the running server. Raises sqlite3.Error."""
    # The server gives each attribute the next free column of its type.
    kinds = [kind.lower() for kind in SEARCH_TYPES.values()]
    ours = {
        f"by_{kind}_{number:02}" for kind in kinds for number in range(1, kinds.count(kind) + 1)
    }
    with closing(sqlite3.connect(database, timeout=_BUSY_SECONDS)) as connection:
        found = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql NOTNULL",
            (_TABLE,),
        )
        unused = {name for (name,) in found} - _OWN - ours
        for name in sorted(unused):
            # The names are the server's own, and an identifier cannot be a parameter.
            connection.execute(f'DROP INDEX IF EXISTS "{name}"')
        connection.commit()
