import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine


@pytest.fixture
async def seckill(tmp_path: Path) -> AsyncIterator[CommandLine]:
    command = CommandLine(tmp_path / "home")
    yield command
    await command.down()


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing set by other tests of this process: the stack is what its own settings say."""
    for name in list(os.environ):
        if name.startswith(("SECKILL_", "TEMPORAL_")):
            monkeypatch.delenv(name)
