from io import StringIO

import pytest
from rich.console import Console

from tests.support.rushing import Rusher


@pytest.fixture
def paper() -> Console:
    """A console that is no terminal, like a pipe."""
    return Console(file=StringIO(), width=100)


@pytest.fixture
def short_lead(monkeypatch: pytest.MonkeyPatch) -> None:
    """A crowd of a test has gathered in a moment."""
    monkeypatch.setattr("practice.rush.scenario.LEAD_SECONDS", 0.3)


@pytest.fixture
def rush_at(paper: Console, short_lead: None) -> Rusher:
    return Rusher(paper)
