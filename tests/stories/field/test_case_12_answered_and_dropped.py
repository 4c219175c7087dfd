"""The notice was answered with success, and then nobody acted on it."""

from datetime import timedelta

import pytest

from api.app import create_app
from practice.stack.loopback import loopback_http
from tests.support.doors import bound_door, serving
from tests.support.field_cases import LONG, begun, notices_of, paid_unnoticed
from tests.support.notice_keys import FORM_HEADERS, AlipaySide
from tests.support.quiet import rest_and_audit
from tests.support.town import Town

NOBODY = "127.0.0.1:1"


async def test_what_we_said_yes_to_reaches_its_order_though_temporal_was_away(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activities.notices.OLD_ENOUGH", timedelta(seconds=0.5))
    sale_id = await town.sale(stock=1, pay_window=LONG)
    order_id = await town.ordered(sale_id, "ada")
    payment = await begun(town, order_id, "ada", "alipay", "page")
    line = await paid_unnoticed(town, payment)
    side = AlipaySide.of_folder(town.keys)
    told = side.paid(payment["out_trade_no"], "88.00") | {"trade_no": line["trade_no"]}

    with pytest.MonkeyPatch.context() as away:
        away.setenv("TEMPORAL_ADDRESS", NOBODY)
        async with (
            serving(create_app(town.settings), bound_door()) as url,
            loopback_http(url) as cut_off,
        ):
            answer = await cut_off.post(
                "/v1/webhooks/alipay", content=side.body(told), headers=FORM_HEADERS
            )

    assert answer.text == "success"
    await town.until_status(order_id, "fulfilled")
    await rest_and_audit(town)
    (notice,) = await notices_of(town, order_id)
    assert notice["handled_as"] == "received"
