"""A shop in miniature: real stores, a practice provider, and one sale with one item."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from redis.asyncio import Redis
from temporalio.client import Client, WorkflowHandle

from activities.stuck_steps import STUCK_AFTER
from audit.running_workflows import AuditedWorkflows
from audit.sources import AuditSources
from domain.ids import new_order_id, new_sale_id, workflow_id
from domain.order import OrderDossier
from domain.payment import Payment, PaymentMethod, PaymentScene, Receipt
from domain.reservation import GateAnswer, GateVerdict, Intent, ReserveRequest
from domain.sale import Item, LatePaymentPolicy, NewItem, NewSale, Sale
from domain.states import OrderStatus, SaleStatus
from infra.gateways.points.gateway import PointsGateway
from infra.gateways.protocol import Gateway
from infra.postgres.engine import Database
from infra.postgres.orders import Orders
from infra.postgres.points import Points
from infra.postgres.sales import Sales
from infra.postgres.stock import Stock
from infra.redis.backlog import Backlog
from infra.redis.intents import Intents
from infra.redis.reservation_mending import ReservationMending
from infra.redis.stock_gate import StockGate
from infra.settings import Settings
from infra.temporal.client import attributes_of_a_new_order
from notices.relay import NoticeRelay
from tests.support.deadlines import run_out_of_time
from tests.support.gate import stock_left
from tests.support.gateway_double import GatewayDouble
from tests.support.sender_double import SenderDouble
from worker import Activities, build_activities, workers
from workflow_client import WorkflowClient
from workflows.order import OrderWorkflow
from workflows.updates import (
    BeginPayment,
    CancelOrder,
    OrderOutcome,
    PayWithPoints,
)

PRICE = 8800
POINTS_PRICE = 880


@dataclass
class Shop:
    database: Database
    gate: StockGate
    client: Client
    redis: Redis
    sale: Sale
    alipay: GatewayDouble = field(default_factory=GatewayDouble)
    wechatpay: GatewayDouble = field(default_factory=lambda: GatewayDouble(PaymentMethod.WECHATPAY))
    sender: SenderDouble = field(default_factory=SenderDouble)
    settings: Settings = field(
        default_factory=lambda: Settings(
            task_queue=f"shop-{uuid4().hex[:8]}", refund_spacing_seconds=0
        )
    )
    stuck_after: timedelta = STUCK_AFTER
    audited_workflows: AuditedWorkflows | None = None

    @property
    def item(self) -> Item:
        return self.sale.items[0]

    def gateways(self) -> dict[PaymentMethod, Gateway]:
        return {
            PaymentMethod.ALIPAY: self.alipay,
            PaymentMethod.WECHATPAY: self.wechatpay,
            PaymentMethod.POINTS: PointsGateway(self.database),
        }

    @property
    def workflows(self) -> WorkflowClient:
        return WorkflowClient(self.client, self.settings.task_queue)

    def relay(self) -> NoticeRelay:
        return NoticeRelay(self.database, self.workflows, self.gateways())

    def activities(self) -> Activities:
        return build_activities(
            self.database,
            self.gate,
            self.gateways(),
            self.sender,
            self.workflows,
            self.open_sources,
            refund_spacing=self.settings.refund_spacing,
            refund_calls_per_second=self.settings.refund_calls_per_second,
            stuck_after=self.stuck_after,
        )

    @asynccontextmanager
    async def open_sources(self) -> AsyncIterator[AuditSources]:
        """What a worker's own rounds read, over the shop's stores."""
        yield AuditSources(
            database=self.database,
            gate=self.gate,
            intents=Intents(self.redis),
            workflows=self.audited_workflows or self.workflows,
            book=None,
            grace=timedelta(seconds=0.2),
            overdue_after=timedelta(seconds=1),
            mending=ReservationMending(self.redis),
            backlog=Backlog(self.redis),
        )

    @asynccontextmanager
    async def worker(self, **options: Any) -> AsyncIterator[None]:
        """Everything a worker process serves but the dispatcher, as production runs it."""
        async with workers(self.client, self.settings, self.activities(), **options):
            yield

    async def click(self, user_id: str, quantity: int = 1) -> GateAnswer:
        order_id = new_order_id(self.item.item_number, int(datetime.now(UTC).timestamp() * 1000))
        return await self.gate.reserve(
            ReserveRequest(
                item=self.item.ref,
                order_id=order_id,
                user_id=user_id,
                quantity=quantity,
                announce=True,
            )
        )

    async def intent(self, user_id: str = "ada", quantity: int = 1) -> Intent:
        """An intent whose stock the gate has reserved."""
        answer = await self.click(user_id, quantity)
        assert answer.verdict is GateVerdict.RESERVED
        return self.intent_for(answer.order_id, user_id, quantity)

    def intent_for(self, order_id: str, user_id: str, quantity: int = 1) -> Intent:
        return Intent(
            order_id=order_id,
            sale_id=self.sale.sale_id,
            sku_id=self.item.sku_id,
            user_id=user_id,
            quantity=quantity,
            accepted_at_ms=1,
        )

    async def start(self, intent: Intent) -> WorkflowHandle[OrderWorkflow, OrderOutcome]:
        return await self.client.start_workflow(
            OrderWorkflow.run,
            intent,
            id=workflow_id(intent.order_id),
            task_queue=self.settings.task_queue,
            search_attributes=attributes_of_a_new_order(intent),
        )

    async def begin_payment(self, handle: WorkflowHandle[OrderWorkflow, OrderOutcome]) -> Payment:
        return await handle.execute_update(
            OrderWorkflow.begin_payment,
            BeginPayment(method=PaymentMethod.ALIPAY, scene=PaymentScene.QR, actor="buyer:ada"),
        )

    async def pay(self, handle: WorkflowHandle[OrderWorkflow, OrderOutcome]) -> Receipt:
        """Begin a payment, pay it at the provider, and let the provider's notice arrive."""
        payment = await self.begin_payment(handle)
        receipt = self.alipay.pay(payment.payment_id)
        await handle.signal(OrderWorkflow.payment_noticed, receipt)
        return receipt

    async def grant_points(self, user_id: str, amount: int) -> None:
        async with self.database.transaction() as connection:
            await Points(connection).grant(user_id, amount, "a gift")

    async def points(self, user_id: str) -> int:
        async with self.database.transaction() as connection:
            return await Points(connection).balance(user_id)

    async def pay_with_points(self, handle: WorkflowHandle[OrderWorkflow, OrderOutcome]) -> Payment:
        return await handle.execute_update(
            OrderWorkflow.pay_with_points, PayWithPoints(actor="buyer:ada")
        )

    async def cancel(self, handle: WorkflowHandle[OrderWorkflow, OrderOutcome]) -> OrderStatus:
        return await handle.execute_update(
            OrderWorkflow.cancel, CancelOrder(actor="buyer:ada", reason="changed my mind")
        )

    async def run_out_of_time(self, handle: WorkflowHandle[OrderWorkflow, OrderOutcome]) -> None:
        await run_out_of_time(handle, self.sale.pay_window_seconds)

    async def dossier(self, order_id: str) -> OrderDossier:
        async with self.database.transaction() as connection:
            dossier = await Orders(connection).dossier(order_id)
        assert dossier is not None
        return dossier

    async def counts(self) -> tuple[int, int, int, int]:
        """(available, held, sold) in Postgres and what is left in Redis."""
        async with self.database.transaction() as connection:
            item = await Stock(connection).item(self.item.ref)
        assert item is not None
        return item.available, item.held, item.sold, await stock_left(self.gate, self.item.ref) or 0


@asynccontextmanager
async def open_shop(
    database: Database,
    redis: Redis,
    client: Client,
    *,
    stock: int = 5,
    limit: int = 2,
    pay_window: timedelta = timedelta(minutes=30),
    ends_in: timedelta = timedelta(days=1),
    late_payment: LatePaymentPolicy = LatePaymentPolicy.REFUND,
) -> AsyncIterator[Shop]:
    """A published sale of one item, in Postgres and in Redis."""
    gate = StockGate(redis)
    now = datetime.now(UTC)
    new_sale = NewSale(
        name="Autumn sale",
        starts_at=now - timedelta(minutes=1),
        ends_at=now + ends_in,
        pay_window_seconds=int(pay_window.total_seconds()),
        late_payment=late_payment,
        items=(
            NewItem(
                sku_id="teapot",
                title="A teapot",
                list_price=12800,
                price=PRICE,
                points_price=POINTS_PRICE,
                stock=stock,
                per_user_limit=limit,
            ),
        ),
    )
    async with database.transaction() as connection:
        sales = Sales(connection)
        sale = await sales.create(new_sale_id(int(now.timestamp() * 1000)), new_sale)
        await sales.change_status(sale.sale_id, SaleStatus.DRAFT, SaleStatus.PUBLISHED)
    sale = sale.model_copy(update={"status": SaleStatus.PUBLISHED})
    shop = Shop(database=database, gate=gate, client=client, redis=redis, sale=sale)
    await gate.preheat(sale.terms_of(shop.item), stock)
    yield shop
