"""The switches, and the dice behind them."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from practice.provider.control import Controls, Mishap, Switches
from practice.provider.storage import Storage


def test_a_trades_own_switches_go_before_those_for_all() -> None:
    controls = Controls(Storage(None))
    controls.put(Switches(drop=0.5, duplicate=1.0))
    controls.put(Switches(drop=1.0), "T1")
    assert (controls.of("T1").drop, controls.of("T1").duplicate) == (1.0, 1.0)
    assert (controls.of("T2").drop, controls.of("T2").duplicate) == (0.5, 1.0)


def test_what_was_set_is_kept_in_the_book() -> None:
    storage = Storage(None)
    Controls(storage).put(Switches(drop=0.5))
    Controls(storage).put(Switches(delay_seconds=[1, 2]), "T1")
    again = Controls(storage)
    assert again.overall() == Switches(drop=0.5)
    assert again.of("T1").delay_seconds == [1, 2]


def test_the_same_seed_draws_the_same() -> None:
    def drawn() -> list[bool]:
        controls = Controls(Storage(None))
        controls.put(Switches(seed=7))
        return [controls.happens(0.5) for _ in range(20)]

    assert drawn() == drawn()


def test_never_and_always_are_no_matter_of_luck() -> None:
    controls = Controls(Storage(None))
    assert not any(controls.happens(0.0) for _ in range(100))
    assert all(controls.happens(1.0) for _ in range(100))
    assert controls.mishap(Switches()) is None
    assert controls.mishap(Switches(fail_calls=1.0, hang_calls=1.0)) is Mishap.FAIL
    assert controls.mishap(Switches(hang_calls=1.0)) is Mishap.HANG


def test_every_switch_is_explained() -> None:
    page = (Path(__file__).parents[3] / "docs" / "practice-provider.md").read_text()
    table = page.partition("## Switches")[2].partition("\n## ")[0]
    lines = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert {name for line in lines for name in re.findall(r"`(\w+)`", line)} == set(
        Switches.model_fields
    )


@pytest.mark.parametrize("delay", [[2, 1], [1], [-1, 0]])
def test_a_delay_is_from_and_to(delay: list[float]) -> None:
    with pytest.raises(ValidationError):
        Switches(delay_seconds=delay)
