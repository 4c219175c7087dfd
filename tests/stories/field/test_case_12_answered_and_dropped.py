"""The notice was answered with success, and then nobody acted on it."""

from datetime import timedelta

import pytest

from api.app import create_app
from practice.stack.loopback import loopback_http
from tests.support.http_server import serving
from tests.support.idle import audit_when_idle
from tests.support.notice_keys import FORM_HEADERS, AlipaySide
from tests.support.whole_system import WholeSystem
from tests.support.whole_system_steps import LONG, begun, notices_of, paid_unnoticed

NOBODY = "127.0.0.1:1"


async def test_what_we_said_yes_to_reaches_its_order_though_temporal_was_away(
    system: WholeSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activities.notices.OLD_ENOUGH", timedelta(seconds=0.5))
    sale_id = await system.sale(stock=1, pay_window=LONG)
    order_id = await system.ordered(sale_id, "ada")
    payment = await begun(system, order_id, "ada", "alipay", "page")
    line = await paid_unnoticed(system, payment)
    side = AlipaySide.of_folder(system.keys)
    told = side.paid(payment["out_trade_no"], "88.00") | {"trade_no": line["trade_no"]}

    with pytest.MonkeyPatch.context() as away:
        away.setenv("TEMPORAL_ADDRESS", NOBODY)
        async with (
            serving(create_app(system.settings)) as url,
            loopback_http(url) as cut_off,
        ):
            answer = await cut_off.post(
                "/v1/webhooks/alipay", content=side.body(told), headers=FORM_HEADERS
            )

    assert answer.text == "success"
    await system.until_status(order_id, "fulfilled")
    await audit_when_idle(system)
    (notice,) = await notices_of(system, order_id)
    assert notice["handled_as"] == "received"
