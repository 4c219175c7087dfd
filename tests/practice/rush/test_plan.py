"""What a rush is to be, and where."""

from collections.abc import Callable
from pathlib import Path

import pytest

from practice.rush.plan import NoRush, RushPlan, plan_on, read_stack


@pytest.mark.parametrize("content", ["", "{}", '{"api_url": "http://x", "sandbox_url": null}'])
def test_a_stack_that_cannot_be_rushed_says_so(tmp_path: Path, content: str) -> None:
    file = tmp_path / "stack.json"
    file.write_text(content)
    with pytest.raises(NoRush, match=r"stack\.json"):
        read_stack(file)


@pytest.mark.parametrize(
    "build", [lambda: plan_on({"pay": 0.9, "cancel": 0.3}), lambda: plan_on({"units": 0})]
)
def test_a_plan_that_makes_no_sense_is_refused(build: Callable[[], RushPlan]) -> None:
    with pytest.raises(NoRush):
        build()


def test_each_part_has_dice_of_its_own_that_the_seed_loads() -> None:
    plan = RushPlan(seed=7)
    assert plan.dice("crowd").random() == plan.dice("crowd").random()
    assert plan.dice("crowd").random() != plan.dice("winners").random()
    assert plan.dice("crowd").random() != RushPlan(seed=8).dice("crowd").random()


def test_a_tolerant_rush_asks_as_long_as_orders_may_take_to_come_to_rest() -> None:
    assert RushPlan(tolerant=True, settle_seconds=90).retry_seconds == 90
    assert RushPlan(settle_seconds=90).retry_seconds == 15
