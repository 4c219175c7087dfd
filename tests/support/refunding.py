"""Paid orders, and what is done to give their money back."""

import asyncio
from dataclasses import dataclass
from uuid import uuid4

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle

from domain.attention import AttentionKind
from domain.notice import RefundReport
from domain.order import OrderDossier
from domain.payment import Payment, PaymentMethod, PaymentScene, Receipt
from domain.refund import Refund, RefundInstruction, RefundReason, RefundRequest
from domain.refund_rules import RefundWish, plan_refund
from domain.reservation import Intent
from domain.surplus_money import surplus_refund
from infra.postgres.attentions import Attentions
from tests.support.ledger import money_of
from tests.support.shop import POINTS_PRICE, PRICE, Shop
from workflows.order import OrderWorkflow
from workflows.refund import RefundWorkflow
from workflows.updates import BeginPayment, DecideRefund, RefundOutcome

RefundHandle = WorkflowHandle[RefundWorkflow, RefundOutcome]
WISH = RefundWish(actor="buyer:ada", note="changed my mind")
OLGA = DecideRefund(actor="operator:olga", reason="the bank is back")


@dataclass(frozen=True)
class PaidOrder:
    intent: Intent
    receipt: Receipt


async def a_paid_order(shop: Shop, user_id: str = "ada") -> PaidOrder:
    """Paid, delivered, and its workflow over."""
    handle = await shop.start(intent := await shop.intent(user_id))
    receipt = await shop.pay(handle)
    await handle.result()
    return PaidOrder(intent, receipt)


async def a_timed_out_order(shop: Shop, user_id: str = "ada") -> tuple[Intent, Receipt]:
    """Given up, and then paid all the same: the provider's close had no effect."""
    handle = await shop.start(intent := await shop.intent(user_id))
    payment = await shop.begin_payment(handle)
    await shop.run_out_of_time(handle)
    await handle.result()
    shop.alipay.closed.discard(payment.payment_id)
    return intent, shop.alipay.pay(payment.payment_id)


async def begin(shop: Shop, handle: WorkflowHandle[OrderWorkflow, object]) -> Payment:
    """A second payment beside the usual one."""
    return await handle.execute_update(
        OrderWorkflow.begin_payment,
        BeginPayment(method=PaymentMethod.WECHATPAY, scene=PaymentScene.QR, actor="buyer:ada"),
    )


async def start_refund(shop: Shop, order_id: str, wish: RefundWish = WISH) -> RefundHandle:
    plan = plan_refund(await shop.dossier(order_id), wish)
    assert isinstance(plan, RefundRequest)
    return await run_refund(shop, plan)


async def start_late_refund(shop: Shop, intent: Intent, receipt: Receipt) -> RefundHandle:
    return await run_refund(
        shop, surplus_refund(intent.order_id, receipt, RefundReason.LATE_PAYMENT, "CNY")
    )


async def run_refund(shop: Shop, request: RefundRequest) -> RefundHandle:
    return await shop.client.start_workflow(
        RefundWorkflow.run, request, id=request.workflow_id, task_queue=shop.settings.task_queue
    )


def give_back_in_the_console(shop: Shop, receipt: Receipt) -> None:
    """Nobody asks us."""
    instruction = RefundInstruction(
        refund_id=f"console-{receipt.trade_no}",
        payment_id=receipt.payment_id,
        trade_no=receipt.trade_no,
        amount=receipt.amount,
        paid_amount=receipt.amount,
        currency="CNY",
        reason="",
    )
    shop.alipay.give_back(instruction)


def refund_of(shop: Shop, receipt: Receipt) -> RefundHandle:
    """The one that its order has started, of money it cannot take."""
    name = f"refund-{receipt.method}-{receipt.trade_no}"
    return shop.client.get_workflow_handle(name, result_type=RefundOutcome)


async def refunds_of(shop: Shop, order_id: str) -> tuple[Refund, ...]:
    return (await shop.dossier(order_id)).refunds


def events(dossier: OrderDossier) -> list[str]:
    return [event.event for event in dossier.events]


def some_key() -> str:
    return uuid4().hex


async def open_attentions(shop: Shop) -> list[tuple[AttentionKind, str]]:
    async with shop.database.transaction() as connection:
        rows, _ = await Attentions(connection).open_(None, 100)
    return [(row.kind, row.subject) for row in rows]


async def sums(shop: Shop, order_id: str) -> tuple[int, int]:
    return await money_of(shop.database, order_id)


async def an_order_paid_with_points(shop: Shop, user_id: str) -> PaidOrder:
    await shop.grant_points(user_id, POINTS_PRICE)
    handle = await shop.start(intent := await shop.intent(user_id))
    await shop.pay_with_points(handle)
    await handle.result()
    plan = plan_refund(await shop.dossier(intent.order_id), WISH)
    assert isinstance(plan, RefundRequest)
    return PaidOrder(intent, plan.receipt)


async def an_order_paid_twice(shop: Shop, user_id: str) -> PaidOrder:
    """The receipt is the second payment's."""
    handle = await shop.start(intent := await shop.intent(user_id))
    second = shop.wechatpay.pay((await begin(shop, handle)).payment_id)
    await shop.pay(handle)
    await handle.result()
    return PaidOrder(intent, second)


async def an_order_paid_after_it_timed_out(shop: Shop, user_id: str) -> PaidOrder:
    return PaidOrder(*await a_timed_out_order(shop, user_id))


async def an_order_paid_after_others_were_bought(shop: Shop, user_id: str) -> PaidOrder:
    late = await an_order_paid_after_it_timed_out(shop, user_id)
    handle = await shop.start(await shop.intent(user_id, shop.item.per_user_limit))
    await shop.pay(handle)
    await handle.result()
    return late


async def an_order_paid_after_it_was_cancelled(shop: Shop, user_id: str) -> PaidOrder:
    handle = await shop.start(intent := await shop.intent(user_id))
    payment = await shop.begin_payment(handle)
    await shop.cancel(handle)
    await handle.result()
    shop.alipay.closed.discard(payment.payment_id)
    return PaidOrder(intent, shop.alipay.pay(payment.payment_id))


async def tell_refund(order: PaidOrder, handle: RefundHandle, *, succeeded: bool) -> None:
    payment_id = order.receipt.payment_id
    report = RefundReport(
        refund_id=handle.id, payment_id=payment_id, amount=PRICE, succeeded=succeeded
    )
    await handle.signal(RefundWorkflow.refund_noticed, report)


async def until_it_waits(handle: RefundHandle) -> None:
    async def waits() -> bool:
        events = (await handle.fetch_history()).events
        return any(event.event_type == EventType.EVENT_TYPE_TIMER_STARTED for event in events)

    async with asyncio.timeout(45):
        while not await waits():
            await asyncio.sleep(0.1)
