"""Duplicate notices, even at one moment on two machines."""

import asyncio

from api.app import create_app
from practice.stack.loopback import loopback_http
from tests.support.http_server import serving
from tests.support.idle import audit_when_idle
from tests.support.ledger import is_entitled
from tests.support.notice_keys import FORM_HEADERS, AlipaySide
from tests.support.whole_system import PRICE, WholeSystem
from tests.support.whole_system_steps import (
    LONG,
    begun,
    happened,
    notices_of,
    paid,
    paid_unnoticed,
    points_of,
)

WEBHOOK = "/v1/webhooks/alipay"


async def test_however_often_it_is_told_an_order_is_paid_once(system: WholeSystem) -> None:
    sale_id = await system.sale(stock=2, pay_window=LONG)
    order_id = await system.ordered(sale_id, "twice-told")
    payment = await begun(system, order_id, "twice-told", "alipay", "page")
    line = await paid_unnoticed(system, payment)
    side = AlipaySide.of_folder(system.keys)
    told = side.paid(payment["out_trade_no"], "88.00") | {"trade_no": line["trade_no"]}
    # Alipay numbers each telling anew only when it is another event; WeChat Pay seals it anew.
    bodies = [side.body(told), side.body(told | {"notify_time": "2026-11-21 12:00:00"})]

    async with (
        serving(create_app(system.settings)) as url,
        loopback_http(url) as other_machine,
    ):
        machines = (system.api, other_machine)
        answers = await asyncio.gather(
            *(
                machine.post(WEBHOOK, content=body, headers=FORM_HEADERS)
                for machine in machines
                for body in bodies * 2
            )
        )
        await system.until_status(order_id, "fulfilled")
        for machine in machines:
            answers.append(await machine.post(WEBHOOK, content=bodies[1], headers=FORM_HEADERS))

    assert {answer.text for answer in answers} == {"success"}
    await audit_when_idle(system)
    view = await system.order(order_id)
    assert view["status"] == "fulfilled"
    assert (happened(view, "paid"), happened(view, "fulfilled")) == (1, 1)
    assert view["refunds"] == []
    assert await points_of(system, "twice-told") == PRICE // 100
    assert len(await notices_of(system, order_id)) == len(bodies)
    assert await is_entitled(system.database, order_id)
    assert await system.stock(sale_id) == {"available": 1, "held": 0, "sold": 1}


async def test_a_provider_that_stutters_changes_nothing_either(system: WholeSystem) -> None:
    sale_id = await system.sale(stock=2, pay_window=LONG)
    order_id = await system.ordered(sale_id, "stuttered-at")
    payment = await begun(system, order_id, "stuttered-at")
    await system.misbehave(payment["out_trade_no"], duplicate=1.0)

    await paid(system, payment)
    await system.until_status(order_id, "fulfilled")
    assert (await system.notify_again(payment["out_trade_no"])).json()["acknowledged"]

    await audit_when_idle(system)
    view = await system.order(order_id)
    assert (happened(view, "paid"), view["refunds"]) == (1, [])
    assert await points_of(system, "stuttered-at") == PRICE // 100
