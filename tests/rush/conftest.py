from io import StringIO

import pytest
from rich.console import Console

from tests.rush.rushing import Rusher


@pytest.fixture
def paper() -> Console:
    """A console that is no terminal, like a pipe."""
    return Console(file=StringIO(), width=100)


@pytest.fixture
def rush_at(paper: Console) -> Rusher:
    return Rusher(paper)
