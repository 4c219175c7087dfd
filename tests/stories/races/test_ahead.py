"""Begun and settled ahead of the workflow, over the whole system, in both orders of arrival."""

import asyncio
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType

from domain.ids import workflow_id
from infra.temporal.client import connect_temporal
from tests.support.idle import audit_when_idle
from tests.support.whole_system import WholeSystem
from tests.support.whole_system_steps import LONG, begun, paid

REPEATS = 60
ROUNDS = 12


@pytest.mark.parametrize(
    ("method", "scene", "updates"), [("alipay", "page", 0), ("wechatpay", None, 1)]
)
async def test_no_number_of_repeats_costs_an_order_an_update(
    system: WholeSystem, method: str, scene: str | None, updates: int
) -> None:
    """Temporal answers 2,000 of one run and no more: then nobody could cancel it."""
    sale_id = await system.sale(stock=1, pay_window=600)
    order_id = await system.ordered(sale_id, "ada")
    first = await begun(system, order_id, "ada", method, scene)

    answers = await asyncio.gather(
        *(begun(system, order_id, "ada", method, scene) for _ in range(REPEATS))
    )

    assert {answer["out_trade_no"] for answer in answers} == {first["out_trade_no"]}
    assert await _updates_of(order_id) == updates
    cancelled = await system.cancel(order_id, "ada")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert (await system.begin(order_id, "ada", method, scene)).status_code == 409


async def _updates_of(order_id: str) -> int:
    client = await connect_temporal()
    history = await client.get_workflow_handle(workflow_id(order_id)).fetch_history()
    accepted = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED
    return sum(event.event_type == accepted for event in history.events)


@pytest.mark.timeout(300)
async def test_beginning_and_closing_exclude_each_other(system: WholeSystem) -> None:
    """Whichever comes first: what was handed out is closed when the order is over."""
    sale_id = await system.sale(stock=ROUNDS, pay_window=LONG)
    seen = set()
    for n in range(ROUNDS):
        buyer = f"buyer-{n}"
        order_id = await system.ordered(sale_id, buyer)

        async def begins(order_id: str = order_id, buyer: str = buyer, n: int = n) -> Any:
            await asyncio.sleep(max(n - ROUNDS // 2, 0) * 0.01)
            return await system.begin(order_id, buyer, "alipay", "page")

        async def cancels(order_id: str = order_id, buyer: str = buyer, n: int = n) -> Any:
            await asyncio.sleep(max(ROUNDS // 2 - n, 0) * 0.01)
            return await system.cancel(order_id, buyer)

        answer, cancelled = await asyncio.gather(begins(), cancels())
        seen.add(answer.status_code)
        assert answer.status_code in (200, 409), answer.text
        assert cancelled.json()["status"] == "cancelled"
        statuses = {payment["status"] for payment in (await system.order(order_id))["payments"]}
        assert statuses <= {"closed"}
    assert 200 in seen
    await audit_when_idle(system)


@pytest.mark.timeout(300)
async def test_money_and_a_cancel_of_one_moment(system: WholeSystem) -> None:
    """Paid or cancelled, and then the money goes back: never both, and nothing in between."""
    sale_id = await system.sale(stock=ROUNDS, pay_window=LONG)
    for n in range(ROUNDS):
        buyer = f"payer-{n}"
        order_id = await system.ordered(sale_id, buyer)
        payment = await begun(system, order_id, buyer, "alipay", "page")

        async def cancels(order_id: str = order_id, buyer: str = buyer, n: int = n) -> Any:
            await asyncio.sleep(n * 0.01)
            return await system.cancel(order_id, buyer)

        _, cancelled = await asyncio.gather(system.press_pay(payment), cancels())
        if cancelled.status_code == 200 and cancelled.json()["status"] == "cancelled":
            await system.until_status(order_id, "cancelled")
        else:
            await system.until_status(order_id, "fulfilled")
    await audit_when_idle(system)


@pytest.mark.timeout(120)
async def test_what_is_paid_by_a_page_and_by_a_code_keeps_one_of_them(system: WholeSystem) -> None:
    sale_id = await system.sale(stock=1, pay_window=LONG)
    order_id = await system.ordered(sale_id, "ada")
    page, code = await asyncio.gather(
        begun(system, order_id, "ada", "alipay", "page"),
        begun(system, order_id, "ada", "alipay", "qr"),
    )
    assert page["out_trade_no"] != code["out_trade_no"]
    await paid(system, page)
    await system.until_status(order_id, "fulfilled")
    await audit_when_idle(system)

    # A code nobody has scanned is unknown to Alipay, so it cannot be closed: what is paid by it
    # after all goes back.
    await system.press_pay(code)
    await audit_when_idle(system)
    order = await system.order(order_id)
    assert order["status"] == "fulfilled"
    statuses = {payment["out_trade_no"]: payment["status"] for payment in order["payments"]}
    assert statuses[page["out_trade_no"]] == "paid"
    assert statuses[code["out_trade_no"]] != "paid"
