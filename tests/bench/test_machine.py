"""The machine on which figures were taken."""

import pytest

from bench import machine
from bench.machine import Machine


async def test_it_is_looked_at_before_and_after(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "LOOK_SECONDS", 0.1)
    before = await Machine.look()
    after = await before.looked_at_again()
    assert before.processors >= 1
    assert 0 <= before.busy_before <= 1
    assert 0 <= after.busy_after <= 1
    assert after.busy_before == before.busy_before
