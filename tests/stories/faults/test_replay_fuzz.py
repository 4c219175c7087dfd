"""Steps that fail and answer late in any order, beside updates that come at once: each order ends,
and its history replays."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from redis.asyncio import Redis
from temporalio import activity
from temporalio.client import Client, WorkflowHandle, WorkflowHistory
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities.handing_over import HandedOver, HandingOver
from domain.payment import PaymentMethod, PaymentScene
from domain.states import FINAL, OrderStatus
from infra.postgres.engine import Database
from tests.support.replaying import replay
from tests.support.shop import POINTS_PRICE, Shop, open_shop
from tests.support.unlucky_branches import until_it_waits
from workflows.order import OrderWorkflow
from workflows.updates import (
    BeginPayment,
    CancelOrder,
    ExtendDeadline,
    PayWithPoints,
    RecheckPayment,
)

SEED, ORDERS, ROUNDS = 11, 16, 3
PAY_WINDOW = timedelta(seconds=12)
FAILING_SHARE, SLOWEST_SECONDS = 0.6, 0.15
Step = Callable[[activity.Info], Awaitable[None]]

BUYERS: tuple[tuple[Any, Any], ...] = (
    (
        OrderWorkflow.begin_payment,
        BeginPayment(method=PaymentMethod.ALIPAY, scene=PaymentScene.PAGE, actor="buyer:ada"),
    ),
    (
        OrderWorkflow.begin_payment,
        BeginPayment(method=PaymentMethod.WECHATPAY, scene=PaymentScene.QR, actor="buyer:ada"),
    ),
    (OrderWorkflow.pay_with_points, PayWithPoints(actor="buyer:ada")),
    (OrderWorkflow.extend_deadline, ExtendDeadline(seconds=3, actor="operator:eve", reason="")),
    (OrderWorkflow.extend_deadline, ExtendDeadline(seconds=1, actor="operator:eve", reason="")),
    (OrderWorkflow.recheck_payment, RecheckPayment(actor="operator:eve")),
    (OrderWorkflow.cancel, CancelOrder(actor="buyer:ada", reason="")),
)


class Before(Interceptor):
    """What comes before each try of a step."""

    def __init__(self, step: Step) -> None:
        self.step = step

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Preceded(next, self.step)


class _Preceded(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, step: Step) -> None:
        super().__init__(next)
        self._step = step

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        await self._step(activity.info())
        return await super().execute_activity(input)


async def test_whatever_fails_beside_whatever_is_asked_replays(
    database: Database, redis: Redis, temporal_client: Client
) -> None:
    chance = random.Random(SEED)

    async def fails_at_random(info: activity.Info) -> None:
        if info.is_local:
            await asyncio.sleep(chance.random() * SLOWEST_SECONDS)
            if chance.random() < FAILING_SHARE:
                raise ConnectionRefusedError

    async with (
        open_shop(database, redis, temporal_client, stock=ORDERS, pay_window=PAY_WINDOW) as shop,
        shop.worker(interceptors=[Before(fails_at_random)]),
    ):
        orders = (_live(shop, f"buyer-{number}", chance) for number in range(ORDERS))
        ends = await asyncio.gather(*orders)
        available, held, sold, left = await shop.counts()

    assert set(ends) <= FINAL
    bought = sum(end is OrderStatus.FULFILLED for end in ends)
    assert (held, sold, available, left) == (0, bought, ORDERS - bought, ORDERS - bought)


async def _live(shop: Shop, user_id: str, chance: random.Random) -> OrderStatus:
    await shop.grant_points(user_id, POINTS_PRICE)
    handle = await shop.start(intent := await shop.intent(user_id))
    await until_it_waits(shop, intent)
    # Whoever cancels at once ends what others still have to try.
    asked = BUYERS if chance.random() < 0.3 else BUYERS[:-1]
    for _ in range(ROUNDS):
        await _ask_at_once(handle, chance.sample(asked, k=3))
        await _pay_what_is_offered(shop, intent.order_id, handle, chance)
    outcome = await asyncio.wait_for(handle.result(), 90)
    assert await replay(await handle.fetch_history()) is None
    assert (await shop.dossier(intent.order_id)).order.status is outcome.status
    return outcome.status


async def _ask_at_once(handle: WorkflowHandle[Any, Any], asked: Sequence[tuple[Any, Any]]) -> None:
    """Answers and refusals do not matter here."""
    updates = (handle.execute_update(update, argument) for update, argument in asked)
    await asyncio.gather(*updates, return_exceptions=True)


async def _pay_what_is_offered(
    shop: Shop, order_id: str, handle: WorkflowHandle[Any, Any], chance: random.Random
) -> None:
    for payment in (await shop.dossier(order_id)).payments:
        gateways = {PaymentMethod.ALIPAY: shop.alipay, PaymentMethod.WECHATPAY: shop.wechatpay}
        gateway = gateways.get(payment.method)
        offered = gateway and payment.payment_id in gateway.charges.keys() - gateway.closed
        if gateway and offered and chance.random() < 0.3:
            receipt = gateway.pay(payment.payment_id)
            signal = handle.signal(OrderWorkflow.payment_noticed, receipt)
            await asyncio.gather(signal, return_exceptions=True)


async def _nothing_at_once(*_: object) -> HandedOver:
    return HandedOver(sold=False, owed=None)


async def test_handing_over_replays_when_both_of_its_steps_fall_back(
    database: Database, redis: Redis, temporal_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis answers late and fails, Postgres fails at once: both go to the server."""

    async def fails(info: activity.Info) -> None:
        if info.is_local and info.activity_type in ("confirm_stock", "carry_out"):
            await asyncio.sleep(0.2 if info.activity_type == "confirm_stock" else 0)
            raise ConnectionRefusedError

    async with (
        open_shop(database, redis, temporal_client) as shop,
        shop.worker(interceptors=[Before(fails)]),
    ):
        monkeypatch.setattr(HandingOver, "try_to", _nothing_at_once)
        handle = await shop.start(await shop.intent())
        await shop.pay(handle)

        assert (await handle.result()).status is OrderStatus.FULFILLED
        history = await handle.fetch_history()
        assert {"confirm_stock", "carry_out"} <= _steps_on_the_server(history)
        assert await replay(history) is None


def _steps_on_the_server(history: WorkflowHistory) -> set[str]:
    return {
        event.activity_task_scheduled_event_attributes.activity_type.name
        for event in history.events
    }
