"""Providers are answered while Temporal is away, and nothing they say is lost."""

from collections.abc import AsyncIterator

import pytest

from tests.support.dispatch_line import OwnTemporal
from tests.support.field_cases import begun, notices_of, paid
from tests.support.opening import open_town
from tests.support.quiet import rest_and_audit
from tests.support.stores import empty_stores
from tests.support.town import Town, until


@pytest.fixture
async def temporal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OwnTemporal]:
    own = OwnTemporal(tmp_path_factory.mktemp("going_temporal"))
    await own.start()
    yield own
    await own.stop()


@pytest.fixture
async def town(
    redis_url: str,
    postgres_dsn: str,
    temporal: OwnTemporal,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Town]:
    await empty_stores(redis_url, postgres_dsn)
    async with open_town(
        keys=tmp_path_factory.mktemp("keys"),
        redis_url=redis_url,
        postgres_dsn=postgres_dsn,
        temporal_address=temporal.address,
    ) as opened:
        opened.worker.start()
        yield opened


@pytest.mark.timeout(120)
async def test_what_providers_say_meanwhile_is_acted_on_afterwards(
    town: Town, temporal: OwnTemporal
) -> None:
    sale_id = await town.sale(stock=5, pay_window=120)
    orders, payments = [], []
    for n, method in enumerate(("alipay", "wechatpay", "alipay", "wechatpay")):
        orders.append(await town.ordered(sale_id, f"buyer-{n}"))
        payments.append(await begun(town, orders[n], f"buyer-{n}", method, "qr"))
    await temporal.stop()

    for payment in payments:
        await paid(town, payment)
        # The provider itself waits no longer than it says it does.
        assert (await town.notify_again(payment["out_trade_no"])).json()["acknowledged"]
    late = await town.click(sale_id, "too-late-for-temporal")
    assert late.status_code == 202
    for order_id in orders:
        assert (await town.order(order_id))["status"] == "pending_payment"
        notices = await notices_of(town, order_id)
        assert {notice["verdict"] for notice in notices} == {"accepted"}
        assert {notice["handled_at"] for notice in notices} == {None}

    await temporal.start()

    for order_id in orders:
        await town.until_status(order_id, "fulfilled")
    await town.until_status(late.json()["order_id"], "pending_payment")
    await until(lambda: _was_cancelled(town, late.json()["order_id"]), "the cancel to get through")
    await rest_and_audit(town)


async def _was_cancelled(town: Town, order_id: str) -> bool:
    answer = await town.cancel(order_id, "too-late-for-temporal")
    assert answer.status_code in (200, 503), answer.text
    return answer.status_code == 200
