"""Steps over a ledger that holds them to let an order's version grow with its view."""

from collections.abc import AsyncIterator

import pytest

from infra.postgres.engine import Database
from tests.support.version_watch import watching_versions


@pytest.fixture
async def database(database: Database, postgres_dsn: str) -> AsyncIterator[Database]:
    async with watching_versions(postgres_dsn):
        yield database
