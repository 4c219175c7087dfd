"""An order that was asked too often: Temporal lets each workflow answer so many updates, 2,000 as
it comes and three here, and never one more; of signals 10,000, and one here."""

from collections.abc import AsyncIterator

import httpx
import pytest
from redis.asyncio import Redis
from temporalio.client import Client
from temporalio.service import RPCError

from api.app import create_app
from infra.postgres.engine import Database
from infra.settings import Settings
from infra.temporal.client import DATA_CONVERTER
from notices.telling import hears_no_more
from practice.stack.ports import free_port
from practice.stack.temporal import TemporalServer
from tests.support.buyers import assert_problem, status
from tests.support.callers import ADA, OPERATOR, served
from tests.support.polling import eventually
from tests.support.servers import running
from tests.support.shop import Shop, open_shop
from workflows.order import OrderWorkflow

MOST = 3


@pytest.fixture(scope="session")
async def short_temporal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    limits = (f"history.maxTotalUpdates={MOST}", "history.maximumSignalsPerExecution=1")
    server = TemporalServer(free_port(), free_port(), dynamic_config=limits)
    async with running(server, tmp_path_factory.mktemp("short_temporal")) as address:
        yield await Client.connect(address, data_converter=DATA_CONVERTER)


@pytest.fixture
async def shop(database: Database, redis: Redis, short_temporal: Client) -> AsyncIterator[Shop]:
    async with open_shop(database, redis, short_temporal) as opened, opened.worker():
        yield opened


@pytest.fixture
async def api(
    settings: Settings, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    monkeypatch.setenv("TEMPORAL_ADDRESS", shop.client.service_client.config.target_host)
    async with served(create_app(settings)) as client:
        yield client


async def test_an_order_asked_too_often_says_so_and_goes_on_by_itself(
    api: httpx.AsyncClient, shop: Shop
) -> None:
    handle = await shop.start(intent := await shop.intent())
    order = f"/v1/orders/{intent.order_id}"
    await eventually(lambda: status(api, intent.order_id), "pending_payment")
    asked = await api.post(f"{order}/payments", json={"method": "wechatpay"}, headers=ADA)
    recheck = f"/v1/operator/orders/{intent.order_id}/recheck"
    for _ in range(MOST - 1):
        assert (await api.post(recheck, json={}, headers=OPERATOR)).status_code == 200

    # A payment that stands is no update.
    again = await api.post(f"{order}/payments", json={"method": "wechatpay"}, headers=ADA)
    assert again.json() == asked.json()
    for path, body, who in (
        (f"{order}/payments", {"method": "alipay", "scene": "qr"}, ADA),
        (f"{order}/cancel", {}, ADA),
        (f"/v1/operator/orders/{intent.order_id}/extend", {"seconds": 60}, OPERATOR),
        (recheck, {}, OPERATOR),
    ):
        problem = assert_problem(await api.post(path, json=body, headers=who), 409, "INVALID_STATE")
        assert problem["order_status"] == "pending_payment"
        assert "asked too often" in problem["detail"]

    receipt = shop.wechatpay.pay(asked.json()["payment_id"])
    await handle.signal(OrderWorkflow.payment_noticed, receipt)
    await eventually(lambda: status(api, intent.order_id), "fulfilled")


async def test_an_order_that_was_told_too_often_is_known_by_what_temporal_says(shop: Shop) -> None:
    handle = await shop.start(intent := await shop.intent())
    payment = await shop.begin_payment(handle)
    await handle.signal(OrderWorkflow.refund_begun)

    with pytest.raises(RPCError) as deaf:
        receipt = shop.alipay.pay(payment.payment_id)
        await shop.workflows.tell_of_payment(intent.order_id, receipt)

    assert hears_no_more(deaf.value)
