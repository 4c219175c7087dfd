"""One running system for each module that asks for one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.whole_system import WholeSystem
from tests.support.whole_system_start import fresh_system


@pytest.fixture(scope="module")
async def system(
    redis_url: str, postgres_dsn: str, keys_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[WholeSystem]:
    folder = tmp_path_factory.mktemp("races")
    async with fresh_system(redis_url, postgres_dsn, keys_dir, folder) as started:
        yield started
