"""The same buyer clicks twice: two orders, or stock burnt by the refused one."""

import asyncio

from tests.support.field_cases import LONG
from tests.support.quiet import rest_and_audit
from tests.support.town import Town


async def test_an_impatient_finger_gets_one_order_and_burns_no_stock(town: Town) -> None:
    sale_id = await town.sale(stock=5, pay_window=LONG)

    answers = await asyncio.gather(*(town.click(sale_id, "ada") for _ in range(20)))

    accepted = [answer.json()["order_id"] for answer in answers if answer.status_code == 202]
    refused = [answer.json() for answer in answers if answer.status_code != 202]
    assert len(accepted) == 1
    assert {(no["code"], no["order_id"]) for no in refused} == {("LIMIT_REACHED", accepted[0])}
    await town.until_status(accepted[0], "pending_payment")
    assert await town.stock(sale_id) == {"available": 4, "held": 1, "sold": 0}
    # What Redis has left is what the refused ones did not burn.
    others = await asyncio.gather(*(town.click(sale_id, f"other-{n}") for n in range(6)))
    assert sorted(answer.status_code for answer in others) == [202] * 4 + [409] * 2
    await _undo(town, accepted[0], "ada")
    for n, answer in enumerate(others):
        if answer.status_code == 202:
            await _undo(town, answer.json()["order_id"], f"other-{n}")
    await rest_and_audit(town)


async def test_a_click_repeated_under_its_key_is_the_same_order(town: Town) -> None:
    sale_id = await town.sale(stock=5, pay_window=LONG)

    answers = await asyncio.gather(*(town.click(sale_id, "ada", key="k1") for _ in range(10)))

    assert {answer.status_code for answer in answers} == {202}
    (order_id,) = {answer.json()["order_id"] for answer in answers}
    await _undo(town, order_id, "ada")
    assert await town.stock(sale_id) == {"available": 5, "held": 0, "sold": 0}
    await rest_and_audit(town)


async def _undo(town: Town, order_id: str, user_id: str) -> None:
    await town.until_status(order_id, "pending_payment")
    assert (await town.cancel(order_id, user_id)).json()["status"] == "cancelled"
