"""One running system for all sixteen cases; each case has a sale of its own in it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.whole_system import WholeSystem
from tests.support.whole_system_start import fresh_system


@pytest.fixture(scope="package")
async def system(
    request: pytest.FixtureRequest,
    redis_url: str,
    postgres_dsn: str,
    keys_dir: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[WholeSystem]:
    # A system that outlives its tests takes the orders of others for its own.
    assert isinstance(request.node, pytest.Package)
    folder = tmp_path_factory.mktemp("field")
    async with fresh_system(redis_url, postgres_dsn, keys_dir, folder) as started:
        yield started
