"""The order saga's writes on the way that most orders go, each one statement for all its tables.

This is the hot path. It speaks to the driver itself: building and unpacking the same statements
through SQLAlchemy took half of a worker's processor time. What is unusual stays with the
repositories beside this file.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from domain.delivery import DeliveryKind
from domain.order import Order, RejectReason
from domain.payment import Payment, QrAction, Receipt, RedirectAction
from domain.points import EARNING_METHODS
from domain.reservation import Intent
from domain.states import HOLDING_STOCK, OWNING_STOCK, DeliveryStatus
from infra.postgres.engine import Driver

# The item's row comes last: every order of the sale waits for its lock. Two orders of one buyer
# see each other once it is taken, and not before. A refusal is an error, which undoes all of it.
_PLACE = """
WITH placed AS (
    INSERT INTO orders (order_id, sale_id, sku_id, user_id, quantity, amount, currency, status,
                        created_at, pay_deadline)
    SELECT $1, sale_id, sku_id, $4, $5::int, price * $5::int, currency, 'pending_payment',
           $6::timestamptz, $6::timestamptz + make_interval(secs => pay_window_seconds)
    FROM sales JOIN sale_items USING (sale_id)
    WHERE sale_id = $2 AND sku_id = $3 AND status <> 'cancelled'
    ON CONFLICT DO NOTHING
    RETURNING *
), told AS (
    INSERT INTO order_events (order_id, event, actor, detail)
    SELECT order_id, 'placed', 'system',
           to_char(pay_deadline AT TIME ZONE 'UTC', '"pay by "YYYY-MM-DD HH24:MI:SS" UTC"')
    FROM placed
), moved AS (
    INSERT INTO stock_movements (sale_id, sku_id, order_id, kind, quantity)
    SELECT sale_id, sku_id, order_id, 'hold', quantity FROM placed
    RETURNING sale_id, sku_id, quantity
), held AS (
    UPDATE sale_items AS item
    SET available = item.available - moved.quantity, held = item.held + moved.quantity
    FROM moved
    WHERE (item.sale_id, item.sku_id) = (moved.sale_id, moved.sku_id)
      AND item.available >= moved.quantity
    RETURNING item.title, item.points_price, item.per_user_limit
)
SELECT placed.*, title, points_price,
       CASE WHEN title IS NULL THEN refuse_placing('sold_out')
            WHEN units_of_buyer(sale_id, sku_id, user_id, $7) > per_user_limit
            THEN refuse_placing('limit_reached')
       END
FROM placed LEFT JOIN held ON true
"""

_BEGIN_PAYMENT = """
WITH begun AS (
    INSERT INTO payments (payment_id, order_id, method, scene, status, amount, currency,
                          expires_at, created_at, action)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::jsonb)
    ON CONFLICT (payment_id) DO UPDATE SET payment_id = excluded.payment_id
    RETURNING *, xmax = 0 AS is_new
), told AS (
    INSERT INTO order_events (order_id, event, actor, detail)
    SELECT order_id, 'payment_begun', $11, method FROM begun WHERE is_new AND action IS NOT NULL
)
SELECT * FROM begun
"""

_OFFER_PAYMENT = """
WITH offered AS (
    UPDATE payments SET action = coalesce($2::jsonb, action), expires_at = $3
    WHERE payment_id = $1 AND status = 'created'
)
INSERT INTO order_events (order_id, event, actor, detail)
SELECT order_id, 'payment_begun', $4, method FROM payments WHERE payment_id = $1
"""

_SETTLE = """
WITH paid AS (
    UPDATE orders SET status = 'paid'
    FROM payments AS payment
    WHERE orders.order_id = $1 AND orders.status = 'pending_payment'
      AND payment.payment_id = $2 AND payment.order_id = $1 AND payment.amount = $4
    RETURNING orders.order_id, orders.sale_id, orders.sku_id
), settled AS (
    UPDATE payments SET status = 'paid', trade_no = $3, paid_at = $5
    FROM paid WHERE payment_id = $2
), ledger AS (
    INSERT INTO payment_flows (order_id, payment_id, method, kind, reference, amount)
    SELECT order_id, $2, $6, 'received', $3, $4 FROM paid
    ON CONFLICT DO NOTHING
), noticed AS (
    UPDATE payment_notices SET handled_at = now(), handled_as = 'received'
    FROM paid WHERE notice_id = $7 AND handled_at IS NULL
), told AS (
    INSERT INTO order_events (order_id, event, actor, detail)
    SELECT order_id, 'paid', 'provider:' || $6, 'trade ' || $3 FROM paid
), owed AS (
    INSERT INTO deliveries (order_id, kind, status)
    SELECT order_id, unnest($8::text[]), 'pending' FROM paid
    ON CONFLICT DO NOTHING
), moved AS (
    INSERT INTO stock_movements (sale_id, sku_id, order_id, kind, quantity)
    SELECT hold.sale_id, hold.sku_id, hold.order_id, 'sell', hold.quantity
    FROM paid JOIN stock_movements AS hold ON hold.order_id = paid.order_id AND hold.kind = 'hold'
    ON CONFLICT DO NOTHING
    RETURNING sale_id, sku_id, quantity
), sold AS (
    UPDATE sale_items AS item
    SET held = item.held - moved.quantity, sold = item.sold + moved.quantity
    FROM moved WHERE (item.sale_id, item.sku_id) = (moved.sale_id, moved.sku_id)
)
SELECT order_id FROM paid
"""

_DELIVER = """
WITH still AS (
    SELECT order_id, user_id, sale_id, sku_id, quantity, status FROM orders
    WHERE order_id = $1 AND status IN ('paid', 'fulfilled')
    FOR UPDATE
), done AS (
    UPDATE deliveries SET status = 'done', detail = delivered.detail, done_at = now()
    FROM still, unnest($2::text[], $3::text[]) AS delivered(kind, detail)
    WHERE deliveries.order_id = still.order_id AND deliveries.kind = delivered.kind
      AND deliveries.status IN ('pending', 'failed')
    RETURNING deliveries.kind, deliveries.status, deliveries.detail
), others AS (
    SELECT kind, status, detail FROM deliveries
    WHERE order_id = $1 AND kind NOT IN (SELECT kind FROM done)
), account AS (
    INSERT INTO points_accounts (user_id, balance)
    SELECT user_id, $4 FROM still JOIN done ON kind = 'points' WHERE $4::bigint > 0
    ON CONFLICT (user_id) DO UPDATE SET balance = points_accounts.balance + excluded.balance
    RETURNING user_id, balance
), award AS (
    INSERT INTO points_entries (user_id, order_id, kind, amount, balance_after, note)
    SELECT user_id, $1, 'award', $4, balance, 'thank you for your order' FROM account
), entitled AS (
    INSERT INTO entitlements (order_id, user_id, sale_id, sku_id, quantity)
    SELECT order_id, user_id, sale_id, sku_id, quantity
    FROM still JOIN done ON kind = 'entitlement'
    ON CONFLICT DO NOTHING
), fulfilled AS (
    UPDATE orders SET status = 'fulfilled', closed_at = now()
    FROM still
    WHERE $5 AND orders.order_id = still.order_id AND still.status = 'paid'
      AND NOT EXISTS (SELECT FROM others WHERE status IN ('pending', 'failed'))
    RETURNING orders.order_id
), told AS (
    INSERT INTO order_events (order_id, event, actor, detail)
    SELECT order_id, 'fulfilled', 'system', (
        SELECT string_agg(kind || ' ' || status || ': ' || detail, '; ' ORDER BY kind)
        FROM (TABLE done UNION ALL TABLE others) AS owed
    )
    FROM fulfilled
)
SELECT order_id FROM fulfilled
"""

_OWED = """
SELECT orders.*, coalesce(title, sku_id) AS title,
       ARRAY(
           SELECT kind FROM deliveries WHERE order_id = $1 AND status = ANY($2::text[])
       ) AS kinds,
       ARRAY(
           SELECT amount FROM payments
           WHERE order_id = $1 AND status = 'paid' AND method = ANY($3::text[])
       ) AS money
FROM orders LEFT JOIN sale_items USING (sale_id, sku_id)
WHERE order_id = $1
"""

_EARNING = sorted(EARNING_METHODS)
_COUNTING = sorted(HOLDING_STOCK | OWNING_STOCK)
_REFUSED = "SK001"


class PlacingRefused(Exception):
    """The stock does not fit, or the buyer has as many as he may; nothing was written."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = RejectReason(reason)


@dataclass(frozen=True)
class Placing:
    """The order as written, with its item's name and price in points."""

    order: Order
    title: str
    points_price: int | None


@dataclass(frozen=True)
class OwedOrder:
    """The `kinds` of deliveries in question, and the amounts of `money` that paid the order and
    earn points."""

    order: Order
    title: str
    kinds: frozenset[DeliveryKind]
    money: tuple[int, ...]


class HotPath:
    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    async def place(self, intent: Intent, placed_at: datetime) -> Placing | None:
        """Write the order and hold its stock. None, and nothing done, for an order that stands
        already, an unknown item, or a cancelled sale. Raises PlacingRefused."""
        try:
            row = await self._driver.fetchrow(
                _PLACE,
                intent.order_id,
                intent.sale_id,
                intent.sku_id,
                intent.user_id,
                intent.quantity,
                placed_at,
                _COUNTING,
            )
        except asyncpg.PostgresError as error:
            if error.sqlstate != _REFUSED:
                raise
            raise PlacingRefused(error.args[0]) from error
        if row is None:
            return None
        return Placing(Order.model_validate(dict(row)), row["title"], row["points_price"])

    async def begin_payment(self, payment: Payment, actor: str) -> Payment:
        """The payment of this id that stands already, else this one. With an action it is begun
        in the order's story as well."""
        row = await self._driver.fetchrow(
            _BEGIN_PAYMENT,
            payment.payment_id,
            payment.order_id,
            payment.method,
            payment.scene,
            payment.status,
            payment.amount,
            payment.currency,
            payment.expires_at,
            payment.created_at,
            payment.action.model_dump_json() if payment.action else None,
            actor,
        )
        return Payment.model_validate(dict(row)) if row else payment

    async def offer_payment(
        self,
        payment_id: str,
        action: RedirectAction | QrAction | None,
        expires_at: datetime,
        actor: str,
    ) -> None:
        """What the buyer is to do, only while the payment is neither paid nor closed."""
        written = action.model_dump_json() if action else None
        await self._driver.execute(_OFFER_PAYMENT, payment_id, written, expires_at, actor)

    async def owed(self, order_id: str, statuses: Collection[DeliveryStatus]) -> OwedOrder | None:
        """With its deliveries of these statuses."""
        row = await self._driver.fetchrow(_OWED, order_id, list(statuses), _EARNING)
        if row is None:
            return None
        return OwedOrder(
            order=Order.model_validate(dict(row)),
            title=row["title"],
            kinds=frozenset(map(DeliveryKind, row["kinds"])),
            money=tuple(row["money"]),
        )

    async def settle(self, order_id: str, receipt: Receipt) -> bool:
        """Payment, order, stock, ledger and what is owed to the buyer. False, and nothing done,
        if the order does not wait for its payment (any more), or not for this one."""
        settled = await self._driver.fetchval(
            _SETTLE,
            order_id,
            receipt.payment_id,
            receipt.trade_no,
            receipt.amount,
            receipt.paid_at,
            receipt.method,
            receipt.notice_id,
            sorted(DeliveryKind),
        )
        return settled is not None

    async def deliver(
        self, order_id: str, delivered: Mapping[DeliveryKind, str], award: int, *, fulfil: bool
    ) -> bool:
        """Points (`award`), entitlement and what else was delivered, each with what to say of it;
        what was done before, or is not owed any more, is left alone. `fulfil` a paid order that
        nothing else is owed: True if that was done."""
        fulfilled = await self._driver.fetchval(
            _DELIVER, order_id, list(delivered), list(delivered.values()), award, fulfil
        )
        return fulfilled is not None
