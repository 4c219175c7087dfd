"""Which search indexes are left in the embedded Temporal's file."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from temporalio.client import Client

from infra.temporal.search_attributes import SEARCH_TYPES
from practice.stack.ports import free_port
from practice.stack.process import start, stop
from practice.stack.temporal import TemporalServer

WANTED = {
    *("default_idx", "by_workflow_id", "by_workflow_type", "by_status", "by_execution_time"),
    "by_temporal_namespace_division",
    *(f"by_keyword_{number:02}" for number in range(1, 7)),
    "by_bool_01",
}


def indexes(database: Path) -> set[str]:
    query = (
        "SELECT name FROM sqlite_master"
        " WHERE type = 'index' AND tbl_name = 'executions_visibility' AND sql NOTNULL"
    )
    with closing(sqlite3.connect(database)) as connection:
        return {name for (name,) in connection.execute(query)}


@pytest.mark.servers
async def test_a_server_keeps_the_indexes_we_search_by_and_finds_by_every_attribute(
    tmp_path: Path,
) -> None:
    database = tmp_path / "temporal.db"
    server = TemporalServer(port=free_port(), http_port=free_port(), database=database)
    running = await start(server, tmp_path / "temporal.log", die_with_parent=True)
    try:
        assert indexes(database) == WANTED
        client = await Client.connect(server.address)
        for name, kind in SEARCH_TYPES.items():
            value = "true" if kind == "Bool" else "'nobody'"
            found = await client.count_workflows(f"{name} = {value}")
            assert found.count == 0
    finally:
        await stop(running)
