"""A code that a buyer is shown dies before the order does; who asks again is given a fresh one."""

from datetime import timedelta

import pytest
from redis.asyncio import Redis
from temporalio.testing import WorkflowEnvironment

from domain.payment import PaymentMethod, PaymentScene
from domain.states import OrderStatus
from infra.postgres.engine import Database
from tests.support.shop import open_shop
from workflows.order import OrderWorkflow
from workflows.updates import BeginPayment

WEEK, CODE_DIES = timedelta(days=7), timedelta(hours=2, minutes=5)


def _begin(method: PaymentMethod, scene: PaymentScene) -> BeginPayment:
    return BeginPayment(method=method, scene=scene, actor="buyer:ada")


@pytest.mark.parametrize("method", [PaymentMethod.ALIPAY, PaymentMethod.WECHATPAY])
async def test_after_two_hours_the_buyer_is_offered_a_payment_that_can_be_paid(
    database: Database,
    redis: Redis,
    time_skipping: WorkflowEnvironment,
    method: PaymentMethod,
) -> None:
    opened = open_shop(database, redis, time_skipping.client, pay_window=WEEK)
    async with opened as shop, shop.worker():
        provider = shop.alipay if method is PaymentMethod.ALIPAY else shop.wechatpay
        handle = await shop.start(await shop.intent())
        code = _begin(method, PaymentScene.QR)
        first = await handle.execute_update(OrderWorkflow.begin_payment, code)
        assert await handle.execute_update(OrderWorkflow.begin_payment, code) == first
        assert first.expires_at - first.created_at == timedelta(hours=2)
        assert provider.charges[first.payment_id].expires_at == first.expires_at

        await time_skipping.sleep(CODE_DIES)
        second = await handle.execute_update(OrderWorkflow.begin_payment, code)

        assert second.payment_id != first.payment_id
        assert second.action != first.action
        provider.pay(second.payment_id)
        assert (await handle.result()).status is OrderStatus.FULFILLED
        # The dead one is closed all the same: its provider may think otherwise of the two hours.
        assert first.payment_id in provider.closed


async def test_a_page_lives_as_long_as_its_order_waits(
    database: Database, redis: Redis, time_skipping: WorkflowEnvironment
) -> None:
    opened = open_shop(database, redis, time_skipping.client, pay_window=WEEK)
    async with opened as shop, shop.worker():
        handle = await shop.start(await shop.intent())
        page = _begin(PaymentMethod.ALIPAY, PaymentScene.PAGE)
        first = await handle.execute_update(OrderWorkflow.begin_payment, page)
        await time_skipping.sleep(CODE_DIES)
        assert await handle.execute_update(OrderWorkflow.begin_payment, page) == first
        await handle.terminate()
