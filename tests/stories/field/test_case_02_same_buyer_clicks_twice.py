"""The same buyer clicks twice: two orders, or stock burnt by the refused one."""

import asyncio

from tests.support.idle import audit_when_idle
from tests.support.whole_system import WholeSystem
from tests.support.whole_system_steps import LONG


async def test_an_impatient_finger_gets_one_order_and_burns_no_stock(system: WholeSystem) -> None:
    sale_id = await system.sale(stock=5, pay_window=LONG)

    answers = await asyncio.gather(*(system.click(sale_id, "ada") for _ in range(20)))

    accepted = [answer.json()["order_id"] for answer in answers if answer.status_code == 202]
    refused = [answer.json() for answer in answers if answer.status_code != 202]
    assert len(accepted) == 1
    assert {(no["code"], no["order_id"]) for no in refused} == {("LIMIT_REACHED", accepted[0])}
    await system.until_status(accepted[0], "pending_payment")
    assert await system.stock(sale_id) == {"available": 4, "held": 1, "sold": 0}
    # What Redis has left is what the refused ones did not burn.
    others = await asyncio.gather(*(system.click(sale_id, f"other-{n}") for n in range(6)))
    assert sorted(answer.status_code for answer in others) == [202] * 4 + [409] * 2
    await _undo(system, accepted[0], "ada")
    for n, answer in enumerate(others):
        if answer.status_code == 202:
            await _undo(system, answer.json()["order_id"], f"other-{n}")
    await audit_when_idle(system)


async def test_a_click_repeated_under_its_key_is_the_same_order(system: WholeSystem) -> None:
    sale_id = await system.sale(stock=5, pay_window=LONG)

    answers = await asyncio.gather(*(system.click(sale_id, "ada", key="k1") for _ in range(10)))

    assert {answer.status_code for answer in answers} == {202}
    (order_id,) = {answer.json()["order_id"] for answer in answers}
    await _undo(system, order_id, "ada")
    assert await system.stock(sale_id) == {"available": 5, "held": 0, "sold": 0}
    await audit_when_idle(system)


async def _undo(system: WholeSystem, order_id: str, user_id: str) -> None:
    await system.until_status(order_id, "pending_payment")
    assert (await system.cancel(order_id, user_id)).json()["status"] == "cancelled"
