"""Whether an order's end fits what its people did, by what they saw and by the provider's book."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.support.scenario_run import PART, ScenarioRun
from tests.support.whole_system import POINTS_PRICE, PRICE, WholeSystem, bearer

ENDS = ("fulfilled", "cancelled", "timed_out", "refunded")


@dataclass(frozen=True)
class Facts:
    """`trades`: the lines of the provider's book; `points`: what the order took, less what it
    gave back."""

    run: ScenarioRun
    view: dict[str, Any]
    trades: list[dict[str, Any]]
    points: int

    @property
    def status(self) -> str:
        return str(self.view["status"])

    @property
    def kept(self) -> int:
        return sum(trade["paid"] - trade["refunded"] for trade in self.trades)

    @property
    def was_paid(self) -> bool:
        """By whatever means, at whatever time."""
        points = any(payment["method"] == "points" and payment["trade_no"] for payment in self.paid)
        return any(trade["paid"] for trade in self.trades) or points

    @property
    def paid(self) -> list[dict[str, Any]]:
        done = ("paid", "refunded")
        return [payment for payment in self.view["payments"] if payment["status"] in done]

    @property
    def paid_in_time(self) -> bool:
        """Some trade was paid while the order could not but find it: before anybody gave the
        order up, and before its time was over."""
        deadline = datetime.fromisoformat(self.view["pay_deadline"]).timestamp()
        cancel = self.run.seen.cancel_asked_at
        end = min(deadline, cancel) if cancel else deadline
        return any(paid_at < end for paid_at in self.run.seen.paid_at.values())


async def facts_of(system: WholeSystem, run: ScenarioRun, book: dict[str, dict[str, Any]]) -> Facts:
    view = await system.order(run.order_id)
    trades = [trade for number, trade in book.items() if number.startswith(run.order_id)]
    answer = await system.api.get("/v1/me/points", headers=bearer(run.user_id))
    assert answer.status_code == 200, answer.text
    account = answer.json()
    moved = (e["amount"] for e in account["entries"] if e["kind"] in ("debit", "credit"))
    return Facts(run, view, trades, -sum(moved))


def complaints(facts: Facts) -> Iterator[str]:
    """What is wrong with the order; nothing, if all is well."""
    if facts.status not in ENDS:
        yield f"ended as {facts.status}"
    yield from _about_money(facts)
    yield from _about_payment(facts)
    yield from _about_promises(facts)


def _about_money(facts: Facts) -> Iterator[str]:
    part = PART if facts.run.seen.part_refund else 0
    allowed = {(0, 0)}
    if facts.status == "fulfilled":
        allowed = {(PRICE - part, 0), (0, POINTS_PRICE)}
    if (facts.kept, facts.points) not in allowed:
        yield f"{facts.status} and keeps {facts.kept} fen and {facts.points} points"


def _about_payment(facts: Facts) -> Iterator[str]:
    if facts.status in ("fulfilled", "refunded") and not facts.was_paid:
        yield f"{facts.status} though nobody paid"
    if facts.paid_in_time and facts.status not in ("fulfilled", "refunded"):
        yield f"{facts.status} though it was paid in time"
    if facts.run.seen.paid_with_points and facts.status not in ("fulfilled", "refunded"):
        yield f"{facts.status} though points were taken for it"
    if facts.status == "cancelled" and facts.run.seen.cancel_asked_at is None:
        yield "cancelled though nobody asked for it"


def _about_promises(facts: Facts) -> Iterator[str]:
    seen = facts.run.seen
    if seen.was_cancelled and facts.status != "cancelled":
        yield f"{facts.status} though the buyer was told it was cancelled"
    if seen.whole_refund and facts.status != "refunded":
        yield f"{facts.status} though a refund was promised"
    if facts.status == "refunded" and not seen.whole_refund:
        yield "refunded though nobody asked for it"
