"""A report as a person reads it at a terminal."""

from datetime import UTC, datetime, timedelta

from rich.console import Console, RenderableType

from audit.repair import Repairs
from audit.show import repairs_list, report_table
from domain.audit import AuditReport, Check

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def printed(part: RenderableType) -> str:
    console = Console(width=100)
    with console.capture() as capture:
        console.print(part)
    return capture.get()


def test_each_check_has_its_verdict_and_names_ten_orders_at_most() -> None:
    orders = tuple(f"ORDER-{number:02}" for number in range(13))
    report = AuditReport(
        audit_id="of-noon",
        started_at=NOON,
        finished_at=NOON + timedelta(seconds=1.5),
        checks=(
            Check(code="A1", ok=True, detail="3 items: all add up"),
            Check(code="A2", ok=False, detail="13 broken", orders=orders),
        ),
    )

    text = printed(report_table(report))

    assert "audit of-noon, 1.5 s" in text
    assert "3 items: all add up" in text
    assert text.count("BROKEN") == 1
    assert "ORDER-09" in text
    assert "ORDER-10" not in text
    assert "and 3 more" in text


def test_what_was_repaired_is_listed_and_what_is_left_only_if_there_is_some() -> None:
    repaired = printed(repairs_list(Repairs(rebuilt=("noon/mug",))))
    left = printed(repairs_list(Repairs(left=("ORDER-1",))))

    assert "intents put back: 0" in repaired
    assert "items rebuilt in Redis: 1\n  noon/mug" in repaired
    assert "left for a person" not in repaired
    assert "left for a person: see the attention list: 1\n  ORDER-1" in left
