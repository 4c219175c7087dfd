"""One town for all sixteen cases; each has a sale of its own in it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.opening import standing_town
from tests.support.town import Town


@pytest.fixture(scope="package")
async def town(
    request: pytest.FixtureRequest,
    redis_url: str,
    postgres_dsn: str,
    keys_dir: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Town]:
    # A town that outlives its tests takes the orders of others for its own.
    assert isinstance(request.node, pytest.Package)
    folder = tmp_path_factory.mktemp("field")
    async with standing_town(redis_url, postgres_dsn, keys_dir, folder) as standing:
        yield standing
