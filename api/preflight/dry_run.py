"""An ordinary order of the standing practice sale: accepted, placed, paid and given back to zero.

It goes the way of every order, by the gate, the stream, a worker and its workflows, and leaves
rows as every order does. The sale is shown and reported nowhere, and nobody else can order of it.
"""

import asyncio
import time
from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from api.auth import Caller
from api.orders import OrderLookup
from api.payments import OrderPayments
from api.preflight.check import Finding
from api.refunds import OrderRefunds
from domain.errors import Refusal
from domain.ids import new_order_id
from domain.payment import PaymentMethod
from domain.refund_rules import RefundWish
from domain.reservation import GateVerdict, ReserveRequest
from domain.sale import PRACTICE_SALE_ID, Item, NewItem, NewSale, Sale
from domain.states import OrderStatus, SaleStatus
from infra.postgres.engine import Database
from infra.postgres.order_lines import OrderLines
from infra.postgres.orders import OrderFilter
from infra.postgres.points import Points
from infra.postgres.sales import Sales
from infra.redis.stock_gate import StockGate

# As the claim no token has: only who is past the gate's door orders here.
CLAIM = "preflight"
BUYER = Caller("preflight", claims=frozenset({CLAIM}))
STEP_SECONDS = 15.0
LOOK_SECONDS = 0.1
PRACTICE = NewSale(
    name="practice",
    starts_at=datetime(2020, 1, 1, tzinfo=UTC),
    ends_at=datetime(2199, 1, 1, tzinfo=UTC),
    pay_window_seconds=60,
    requires_claim=CLAIM,
    items=(
        NewItem(
            sku_id="practice",
            title="practice",
            list_price=1,
            price=1,
            points_price=1,
            stock=1000,
            per_user_limit=1000,
        ),
    ),
)


class StepFailed(Exception):
    """The message says which step, and what was seen."""


class DryRun:
    def __init__(
        self,
        database: Database,
        gate: StockGate,
        orders: OrderLookup,
        payments: OrderPayments,
        refunds: OrderRefunds,
    ) -> None:
        self._database = database
        self._gate = gate
        self._orders = orders
        self._payments = payments
        self._refunds = refunds
        self._one_at_a_time = asyncio.Lock()

    async def look(self) -> Finding:
        async with self._one_at_a_time:
            try:
                return Finding(True, await self._carry_out())
            except (StepFailed, Refusal) as error:
                advice = "look at the order's workflow in Temporal, and at the workers' logs"
                return Finding(False, str(error), advice)

    async def _carry_out(self) -> str:
        begun = time.monotonic()
        sale = await self._standing_sale()
        item = sale.items[0]
        await self._gate.preheat(sale.terms_of(item), item.available, item.total)
        order_id = await self._accepted(item)
        await self._reaches(order_id, "placed", {OrderStatus.PENDING_PAYMENT})
        await self._payments.begin(order_id, BUYER, PaymentMethod.POINTS, None)
        # Owed is what is delivered: given back before that, nothing of it would be seen.
        await self._reaches(order_id, "paid and fulfilled", {OrderStatus.FULFILLED})
        wish = RefundWish(actor=BUYER.actor, note="preflight", request_key=None)
        await self._refunds.ask(order_id, wish)
        await self._reaches(order_id, "refunded", {OrderStatus.REFUNDED})
        await self._comes_to_zero(order_id)
        taken = time.monotonic() - begun
        return f"order {order_id} was accepted, paid with points and given back in {taken:.1f} s"

    async def _standing_sale(self) -> Sale:
        async with self._database.transaction() as connection:
            sales = Sales(connection)
            await sales.create(PRACTICE_SALE_ID, PRACTICE)
            await sales.change_status(PRACTICE_SALE_ID, SaleStatus.DRAFT, SaleStatus.PUBLISHED)
            sale = await sales.get(PRACTICE_SALE_ID)
            points, price = Points(connection), PRACTICE.items[0].points_price or 1
            # Each run gives its points back, so one gift is enough for all of them.
            if await points.balance(BUYER.user_id) < price:
                await points.grant(BUYER.user_id, price, "for preflights")
        if sale is None or sale.status is not SaleStatus.PUBLISHED:
            raise StepFailed("the practice sale was stopped")
        return sale

    async def _accepted(self, item: Item) -> str:
        order_id = new_order_id(item.item_number, time.time_ns() // 1_000_000)
        answer = await self._gate.reserve(
            ReserveRequest(
                item=item.ref, order_id=order_id, user_id=BUYER.user_id, quantity=1, announce=True
            )
        )
        if answer.verdict is not GateVerdict.RESERVED:
            raise StepFailed(f"the gate says {answer.verdict} to a practice order")
        return order_id

    async def _reaches(self, order_id: str, step: str, wanted: Collection[OrderStatus]) -> None:
        deadline = time.monotonic() + STEP_SECONDS
        while (status := await self._orders.status(order_id)) not in wanted:
            if time.monotonic() > deadline:
                raise StepFailed(
                    f"order {order_id} was not {step} within {STEP_SECONDS:g} s: it is {status}"
                )
            await asyncio.sleep(LOOK_SECONDS)

    async def _comes_to_zero(self, order_id: str) -> None:
        async with self._database.transaction() as connection:
            (line,), _ = await OrderLines(connection).page(OrderFilter(order_id=order_id), None, 1)
        if line.received != line.refunded:
            raise StepFailed(f"order {order_id} had {line.received}, and {line.refunded} went back")


DRY_RUN_SECONDS = timedelta(seconds=4 * STEP_SECONDS).total_seconds()
