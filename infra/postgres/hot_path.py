"""The order saga's writes on the way that most orders go, each one query for all its tables.

The queries are in `sql/`. They go to the driver itself: building and unpacking them through
SQLAlchemy took half of a worker's processor time. What is unusual stays with the repositories
beside this file.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from domain.delivery import DeliveryKind
from domain.order import Order, RejectReason
from domain.payment import ASK_AFTER, Payment, QrAction, Receipt, RedirectAction
from domain.points import EARNING_METHODS
from domain.reservation import Intent
from domain.states import HOLDING_STOCK, OWNING_STOCK, DeliveryStatus, OrderStatus
from infra.postgres.changes import note_row
from infra.postgres.engine import Driver

_SQL = Path(__file__).parent / "sql"
_PLACE, _STANDS, _SETTLE, _HEAR, _DELIVER, _OWED = (
    (_SQL / f"{name}.sql").read_text(encoding="utf-8")
    for name in ("place", "stands", "settle", "hear", "deliver", "owed")
)
_HOLD_PAYABLE, _BEGIN_PAYMENT, _OFFER_PAYMENT = (
    (_SQL / f"{name}.sql").read_text(encoding="utf-8")
    for name in ("hold_payable", "begin_payment", "offer_payment")
)
_OPEN_PAYMENTS = "SELECT * FROM payments WHERE order_id = $1 AND status = 'created'"
_EARNING = sorted(EARNING_METHODS)
_COUNTING = sorted(HOLDING_STOCK | OWNING_STOCK)
# What `refuse_placing` raises; it stands in a migration.
_REFUSED = "SK001"


class PlacingRefused(Exception):
    """The stock does not fit, or the buyer has as many as he may; nothing was written."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = RejectReason(reason)


@dataclass(frozen=True)
class Placing:
    """The order, with its item's name and price in points: written just now (`is_new`), or before,
    and then of whatever status it has reached; `has_payments`: some was begun for it."""

    order: Order
    title: str
    points_price: int | None
    is_new: bool = True
    has_payments: bool = False


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
        """Write the order and hold its stock, or answer with the one that stands. None, and nothing
        done, for an unknown item, a cancelled sale, or an order that was written while this one
        waited for it. Raises PlacingRefused."""
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
        if row and row["is_new"]:
            note_row(row)
        return _placing(row) if row else None

    async def standing(self, order_id: str) -> Placing | None:
        """The order as it stands, whatever its status. None when there is none."""
        row = await self._driver.fetchrow(_STANDS, order_id)
        return _placing(row) if row else None

    async def hold_payable(self, order_id: str) -> bool:
        """Whether a payment of the order may be begun, or handed out: then nobody closes, ends or
        settles it until the transaction ends, which is the caller's."""
        held = await self._driver.fetchval(_HOLD_PAYABLE, order_id, datetime.now(UTC))
        return held is not None

    async def begin_payment(self, payment: Payment, actor: str) -> Payment:
        """The payment of this id that stands already, else this one, which a round asks after.
        With an action, the order's events tell that it was begun."""
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
            payment.created_at + ASK_AFTER[0],
        )
        # No version has grown where the payment stood already.
        if row and row["version"]:
            note_row(row)
        return Payment.model_validate(dict(row)) if row else payment

    async def offer_payment(
        self,
        payment_id: str,
        action: RedirectAction | QrAction | None,
        expires_at: datetime,
        actor: str,
    ) -> bool:
        """What the buyer is to do. False for a payment that is paid or closed by now."""
        written = action.model_dump_json() if action else None
        offered = await self._driver.fetchrow(
            _OFFER_PAYMENT, payment_id, written, expires_at, actor
        )
        if offered:
            note_row(offered)
        return offered is not None

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
        settled = await self._driver.fetchrow(
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
        if settled:
            note_row(settled)
        return settled is not None

    async def hear(self, order_id: str, receipt: Receipt) -> OrderStatus | None:
        """What has become of an order that took this very money before, or of one it was taken
        from again; its notice is handled. None, and nothing done, for money that is news."""
        status = await self._driver.fetchval(
            _HEAR,
            order_id,
            receipt.payment_id,
            receipt.trade_no,
            receipt.amount,
            receipt.notice_id,
        )
        return None if status is None else OrderStatus(status)

    async def open_payments(self, order_id: str) -> tuple[Payment, ...]:
        """Those that may still take money. Of a paid order none is begun any more."""
        rows = await self._driver.fetch(_OPEN_PAYMENTS, order_id)
        return tuple(Payment.model_validate(dict(row)) for row in rows)

    async def deliver(
        self,
        order_id: str,
        delivered: Mapping[DeliveryKind, str],
        award: int,
        *,
        money: Collection[int],
        fulfil: bool,
    ) -> bool:
        """Points, entitlement and what else was delivered, each with what to say of it; what was
        done before, or is not owed any more, is left alone, and so are points whose `award` is for
        other `money` than there is by now. `fulfil` a paid order that nothing else is owed: True
        if that was done."""
        grown = await self._driver.fetchrow(
            _DELIVER,
            order_id,
            list(delivered),
            list(delivered.values()),
            award,
            fulfil,
            list(money),
            _EARNING,
        )
        if grown:
            note_row(grown)
        return grown is not None and grown["fulfils"]


def _placing(row: asyncpg.Record) -> Placing:
    order = Order.model_validate(dict(row))
    return Placing(
        order,
        row["title"] or order.sku_id,
        row["points_price"],
        is_new=row["is_new"],
        has_payments=row["has_payments"],
    )
