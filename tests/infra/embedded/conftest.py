from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.infra.embedded.command_line import CommandLine


@pytest.fixture
async def seckill(tmp_path: Path) -> AsyncIterator[CommandLine]:
    command = CommandLine(tmp_path / "home")
    yield command
    await command.run("down")
