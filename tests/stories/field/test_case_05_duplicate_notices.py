"""Duplicate notices, even at one moment on two machines."""

import asyncio

from api.app import create_app
from practice.stack.loopback import loopback_http
from tests.support.doors import bound_door, serving
from tests.support.field_cases import (
    LONG,
    begun,
    happened,
    notices_of,
    paid,
    paid_unnoticed,
    points_of,
)
from tests.support.ledger import is_entitled
from tests.support.notice_keys import FORM_HEADERS, AlipaySide
from tests.support.quiet import rest_and_audit
from tests.support.town import PRICE, Town

WEBHOOK = "/v1/webhooks/alipay"


async def test_however_often_it_is_told_an_order_is_paid_once(town: Town) -> None:
    sale_id = await town.sale(stock=2, pay_window=LONG)
    order_id = await town.ordered(sale_id, "twice-told")
    payment = await begun(town, order_id, "twice-told", "alipay", "page")
    line = await paid_unnoticed(town, payment)
    side = AlipaySide.of_folder(town.keys)
    told = side.paid(payment["out_trade_no"], "88.00") | {"trade_no": line["trade_no"]}
    # Alipay numbers each telling anew only when it is another event; WeChat Pay seals it anew.
    bodies = [side.body(told), side.body(told | {"notify_time": "2026-11-21 12:00:00"})]

    async with (
        serving(create_app(town.settings), bound_door()) as url,
        loopback_http(url) as other_machine,
    ):
        machines = (town.api, other_machine)
        answers = await asyncio.gather(
            *(
                machine.post(WEBHOOK, content=body, headers=FORM_HEADERS)
                for machine in machines
                for body in bodies * 2
            )
        )
        await town.until_status(order_id, "fulfilled")
        for machine in machines:
            answers.append(await machine.post(WEBHOOK, content=bodies[1], headers=FORM_HEADERS))

    assert {answer.text for answer in answers} == {"success"}
    await rest_and_audit(town)
    view = await town.order(order_id)
    assert view["status"] == "fulfilled"
    assert (happened(view, "paid"), happened(view, "fulfilled")) == (1, 1)
    assert view["refunds"] == []
    assert await points_of(town, "twice-told") == PRICE // 100
    assert len(await notices_of(town, order_id)) == len(bodies)
    assert await is_entitled(town.database, order_id)
    assert await town.stock(sale_id) == {"available": 1, "held": 0, "sold": 1}


async def test_a_provider_that_stutters_changes_nothing_either(town: Town) -> None:
    sale_id = await town.sale(stock=2, pay_window=LONG)
    order_id = await town.ordered(sale_id, "stuttered-at")
    payment = await begun(town, order_id, "stuttered-at")
    await town.misbehave(payment["out_trade_no"], duplicate=1.0)

    await paid(town, payment)
    await town.until_status(order_id, "fulfilled")
    assert (await town.notify_again(payment["out_trade_no"])).json()["acknowledged"]

    await rest_and_audit(town)
    view = await town.order(order_id)
    assert (happened(view, "paid"), view["refunds"]) == (1, [])
    assert await points_of(town, "stuttered-at") == PRICE // 100
