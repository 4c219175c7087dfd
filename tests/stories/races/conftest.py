"""One town for each module that asks for one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.opening import standing_town
from tests.support.town import Town


@pytest.fixture(scope="module")
async def town(
    redis_url: str, postgres_dsn: str, keys_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Town]:
    folder = tmp_path_factory.mktemp("town")
    async with standing_town(redis_url, postgres_dsn, keys_dir, folder) as standing:
        yield standing
