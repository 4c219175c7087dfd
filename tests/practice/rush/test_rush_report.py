import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from domain.audit import Check
from practice.rush.ledger import Ledger, Quantiles, Wait
from practice.rush.plan import NoRush, RushPlan, plan_on, read_stack
from practice.rush.report import RushReport, print_report, report_of
from practice.rush.show import NO_RUSH, show_rush
from tests.support.rushing import Rusher
from tests.support.shop_double import PracticeShop

HOLDS = Check(code="A1", ok=True, detail="stock adds up")
BROKEN = Check(code="A2", ok=False, detail="2 orders differ", orders=("O1", "O2"))


def report(*audit: Check, crowd: tuple[Check, ...] = (HOLDS,)) -> RushReport:
    ledger = Ledger()
    ledger.waits[Wait.CLICK] = [0.001, 0.002, 0.100]
    return report_of(RushPlan(), ledger, sale_id="S", seconds=3.0, crowd=crowd, audit=audit)


def printed(shown: RushReport) -> str:
    console = Console(file=StringIO(), width=100)
    print_report(console, shown)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_a_rush_holds_only_if_both_audit_and_crowd_hold() -> None:
    assert report(HOLDS).ok
    assert not report(HOLDS, BROKEN).ok
    assert not report(HOLDS, crowd=(BROKEN,)).ok


def test_a_rush_without_an_audit_proves_nothing() -> None:
    assert not report().ok
    assert "no audit" in printed(report())


def test_a_broken_line_names_its_orders() -> None:
    text = printed(report(HOLDS, BROKEN))
    assert "✓ A1 stock adds up" in text
    assert "✗ A2 2 orders differ" in text
    assert "O1, O2" in text


def test_the_report_as_json_can_be_read_back() -> None:
    shown = report(HOLDS)
    assert RushReport.model_validate_json(shown.model_dump_json()) == shown


def test_quantiles_are_of_what_was_measured() -> None:
    found = Quantiles.of(number / 1000 for number in range(1, 101))
    assert found == Quantiles(count=100, p50=50, p95=95, p99=99, most=100)
    assert Quantiles.of([]) is None


async def test_in_a_pipe_there_are_lines_and_no_control_characters(rush_at: Rusher) -> None:
    shown = await rush_at(PracticeShop(), buyers=20, units=5, seconds=3, pay=1, cancel=0)
    print_report(rush_at.console, shown)

    assert isinstance(rush_at.console.file, StringIO)
    text = rush_at.console.file.getvalue()
    assert "The crowd clicks" in text
    assert re.search(r"clicks [1-9]", text)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text)


def test_without_a_stack_there_is_no_rush(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert show_rush(tmp_path / "stack.json") == NO_RUSH
    assert "seckill up --detach" in capsys.readouterr().err


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
