"""Bills in the providers' own formats, from the practice provider over HTTP."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from temporalio.testing import WorkflowEnvironment

from domain.bill import BillCheck, day_of
from domain.payment import PaymentMethod, PaymentScene
from domain.states import OrderStatus
from infra.gateways.protocol import Gateway
from infra.postgres.engine import Database
from tests.support import merchant_shop as provider_side
from tests.support.merchant_shop import opened_shop
from tests.support.shop import Shop, open_shop
from workflows.bills import ReconcileBills, ReconcileBillsWorkflow
from workflows.order import OrderWorkflow
from workflows.updates import BeginPayment


class ConnectedShop(Shop):
    """Sells through the practice provider."""

    providers: dict[PaymentMethod, Gateway]

    def gateways(self) -> dict[PaymentMethod, Gateway]:
        return self.providers


@pytest.fixture
async def provider(keys_dir: Path) -> AsyncIterator[provider_side.MerchantShop]:
    async with opened_shop(keys_dir) as opened:
        yield opened


@pytest.fixture
async def shop(
    database: Database,
    redis: Redis,
    time_skipping: WorkflowEnvironment,
    provider: provider_side.MerchantShop,
) -> AsyncIterator[Shop]:
    async with open_shop(database, redis, time_skipping.client) as opened:
        connected = ConnectedShop(**vars(opened))
        connected.providers = provider.gateways
        async with connected.worker():
            yield connected


@pytest.mark.parametrize("method", [PaymentMethod.ALIPAY, PaymentMethod.WECHATPAY])
async def test_a_payment_nobody_was_told_of_is_found_in_the_bill(
    shop: Shop,
    provider: provider_side.MerchantShop,
    time_skipping: WorkflowEnvironment,
    method: PaymentMethod,
) -> None:
    # The order asks the provider itself after a minute: without skipping, the bill is first.
    with time_skipping.auto_time_skipping_disabled():
        handle = await shop.start(await shop.intent())
        begin = BeginPayment(method=method, scene=PaymentScene.QR, actor="buyer:ada")
        payment = await handle.execute_update(OrderWorkflow.begin_payment, begin)
        await provider.misbehave(payment.payment_id, drop=1.0)
        await provider.pay(payment.payment_id)

        check = await _reconcile(shop, time_skipping, method)

        assert (check.ok, check.matched, check.repaired) == (True, 1, 1)
        assert provider.notices == []
        dossier = await shop.dossier(payment.order_id)
        assert dossier.order.status in (OrderStatus.PAID, OrderStatus.FULFILLED)


async def _reconcile(shop: Shop, clock: WorkflowEnvironment, method: PaymentMethod) -> BillCheck:
    today = day_of(await clock.get_current_time())
    outcome = await shop.client.execute_workflow(
        ReconcileBillsWorkflow.run,
        ReconcileBills(day=today, method=method),
        id="bills",
        task_queue=shop.settings.task_queue,
    )
    return outcome.checks[0]
