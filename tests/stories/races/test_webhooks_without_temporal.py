"""Providers are answered while Temporal is away, and nothing they say is lost."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.dispatch_line import OwnTemporal
from tests.support.idle import audit_when_idle
from tests.support.polling import until
from tests.support.stores import empty_stores
from tests.support.whole_system import WholeSystem
from tests.support.whole_system_start import open_system
from tests.support.whole_system_steps import begun, notices_of, paid


@pytest.fixture
async def temporal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OwnTemporal]:
    own = OwnTemporal(tmp_path_factory.mktemp("going_temporal"))
    await own.start()
    yield own
    await own.stop()


@pytest.fixture
async def system(
    redis_url: str,
    postgres_dsn: str,
    keys_dir: Path,
    temporal: OwnTemporal,
) -> AsyncIterator[WholeSystem]:
    await empty_stores(redis_url, postgres_dsn)
    async with open_system(
        keys=keys_dir,
        redis_url=redis_url,
        postgres_dsn=postgres_dsn,
        temporal_address=temporal.address,
    ) as opened:
        opened.worker.start()
        yield opened


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_what_providers_say_meanwhile_is_acted_on_afterwards(
    system: WholeSystem, temporal: OwnTemporal
) -> None:
    sale_id = await system.sale(stock=5, pay_window=120)
    orders, payments = [], []
    for n, method in enumerate(("alipay", "wechatpay", "alipay", "wechatpay")):
        orders.append(await system.ordered(sale_id, f"buyer-{n}"))
        payments.append(await begun(system, orders[n], f"buyer-{n}", method, "qr"))
    await temporal.stop()

    for payment in payments:
        await paid(system, payment)
        # The provider itself waits no longer than it says it does.
        assert (await system.notify_again(payment["out_trade_no"])).json()["acknowledged"]
    late = await system.click(sale_id, "too-late-for-temporal")
    assert late.status_code == 202
    for order_id in orders:
        # It is paid without its workflow, which will hear of it.
        await system.until_status(order_id, "paid")
        notices = await notices_of(system, order_id)
        assert {notice["verdict"] for notice in notices} == {"accepted"}
        assert {notice["handled_at"] for notice in notices} == {None}

    await temporal.start()

    for order_id in orders:
        await system.until_status(order_id, "fulfilled")
    await system.until_status(late.json()["order_id"], "pending_payment")
    await until(
        lambda: _was_cancelled(system, late.json()["order_id"]), "the cancel to get through"
    )
    await audit_when_idle(system)


async def _was_cancelled(system: WholeSystem, order_id: str) -> bool:
    answer = await system.cancel(order_id, "too-late-for-temporal")
    assert answer.status_code in (200, 503), answer.text
    return answer.status_code == 200
