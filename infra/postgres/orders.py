"""Orders and what happened to each."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Executable,
    Select,
    Update,
    and_,
    exists,
    func,
    literal,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.order import EventKind, Order, OrderDossier, OrderEvent
from domain.sale import PRACTICE_SALE_ID, ItemRef
from domain.states import (
    FINAL,
    HOLDING_STOCK,
    ORDER_TRANSITIONS,
    OWNING_STOCK,
    DeliveryStatus,
    OrderStatus,
)
from infra.postgres.changes import is_noted, note_row
from infra.postgres.deliveries import Deliveries
from infra.postgres.payments import Payments
from infra.postgres.queries import fetch_page
from infra.postgres.refunds import Refunds
from infra.postgres.tables.deliveries import deliveries
from infra.postgres.tables.orders import archived_order_events, order_events, orders
from infra.postgres.tables.payments import payments
from infra.readable import all_readable


class OrderFilter(NamedTuple):
    """`trade_no` is the provider's number or ours (`out_trade_no`)."""

    user_id: str | None = None
    order_id: str | None = None
    trade_no: str | None = None
    status: OrderStatus | None = None
    sale_id: str | None = None
    # Whether to find the orders of preflights among all others.
    with_practice: bool = True


class Orders:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, order_id: str) -> Order | None:
        query = select(orders).where(orders.c.order_id == order_id)
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return Order.model_validate(row) if row else None

    async def hold_still(self, order_id: str) -> Order | None:
        """The order, which nobody else changes until this transaction ends; rows that refer to it
        may still be written."""
        # Not shared: two who share it could neither let its version grow, each for the other.
        query = select(orders).where(orders.c.order_id == order_id).with_for_update(key_share=True)
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return Order.model_validate(row) if row else None

    async def lock(self, order_id: str) -> Order | None:
        """The order, which nobody else changes, or holds still, until this transaction ends."""
        query = select(orders).where(orders.c.order_id == order_id).with_for_update()
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return Order.model_validate(row) if row else None

    async def insert(self, order: Order) -> bool:
        """False if an order of this id stands already; it is left as it is. Waits for another
        transaction that is just inserting it."""
        query = insert(orders).values(order.model_dump()).on_conflict_do_nothing()
        return await self._changed(query.returning(*_GROWN))

    async def quantity_of(self, item: ItemRef, user_id: str, *, besides: str | None = None) -> int:
        """Units the user holds or owns of the item, not counting the order `besides`."""
        query = select(func.coalesce(func.sum(orders.c.quantity), 0)).where(
            orders.c.sale_id == item.sale_id,
            orders.c.sku_id == item.sku_id,
            orders.c.user_id == user_id,
            orders.c.status.in_(HOLDING_STOCK | OWNING_STOCK),
            orders.c.order_id.is_distinct_from(besides),
        )
        return int((await self._connection.execute(query)).scalar_one())

    async def change_status(
        self, order_id: str, expected: OrderStatus, to: OrderStatus, *, reason: str | None = None
    ) -> bool:
        """False if the status is not the expected one (any more). Raises ValueError for a change
        the state machine does not know. Without a reason the earlier one stays."""
        if to not in ORDER_TRANSITIONS[expected]:
            raise ValueError(f"no order goes from {expected} to {to}")
        closed_at = func.now() if to in FINAL else None
        # Compare and set: of a payment and a cancel of one moment, one finds the status it expects
        # and the other learns that it came second. Neither is overwritten.
        query = (
            update(orders)
            .where(orders.c.order_id == order_id, orders.c.status == expected)
            .values(
                status=to,
                closed_at=closed_at,
                reason=func.coalesce(reason, orders.c.reason),
                version=orders.c.version + 1,
            )
        )
        return await self._changed(query.returning(*_GROWN))

    async def extend_deadline(self, order_id: str, deadline: datetime) -> bool:
        """False if the order does not wait for its payment, is being closed, or waits as long
        already."""
        query = (
            update(orders)
            .where(
                orders.c.order_id == order_id,
                orders.c.status == OrderStatus.PENDING_PAYMENT,
                orders.c.closing_at.is_(None),
                orders.c.pay_deadline < deadline,
            )
            .values(pay_deadline=deadline, version=orders.c.version + 1)
        )
        return await self._changed(query.returning(*_GROWN))

    async def left_behind(
        self, due_before: datetime, paid_before: datetime, limit: int
    ) -> list[Order]:
        """Orders whose workflow should be further: they wait for money since a deadline before
        `due_before`, or are paid since before `paid_before` and nothing was delivered or tried."""
        paid_long_ago = exists().where(
            payments.c.order_id == orders.c.order_id, payments.c.paid_at < paid_before
        )
        waiting = and_(
            orders.c.status == OrderStatus.PENDING_PAYMENT, orders.c.pay_deadline < due_before
        )
        unheard = and_(
            orders.c.status == OrderStatus.PAID, paid_long_ago, is_unheard_of(orders.c.order_id)
        )
        # At random: those that wait for a provider would else keep all others from being seen.
        query = select(orders).where(or_(waiting, unheard)).order_by(func.random()).limit(limit)
        rows = (await self._connection.execute(query)).mappings().all()
        return all_readable(rows, Order.model_validate)

    async def over(self, order_ids: Collection[str]) -> set[str]:
        """Those of the orders for which no workflow runs any more."""
        query = select(orders.c.order_id).where(
            orders.c.order_id.in_(order_ids), orders.c.status.in_(FINAL)
        )
        return set((await self._connection.execute(query)).scalars())

    async def is_unheard_of(self, order_id: str) -> bool:
        """Whether the order is paid and nothing was delivered or tried: its workflow, which would
        have begun with that, may not know."""
        query = select(is_unheard_of(literal(order_id)))
        return bool((await self._connection.execute(query)).scalar_one())

    async def record(self, order_id: str, event: EventKind, actor: str, detail: str = "") -> None:
        """One more event of the order; callers write it where a guarded write happened."""
        told = insert(order_events).values(
            order_id=order_id, event=event, actor=actor, detail=detail
        )
        if is_noted(order_id):
            await self._connection.execute(told)
        else:
            await self._changed(_grow(order_id).add_cte(told.cte("told")))

    async def show_change(self, order_id: str) -> None:
        """Something the order's view shows changes in this transaction, and no event tells it.
        Takes the order's row; who is to change a payment, a refund or a delivery calls this, or
        locks the order, before: everybody has the order first, so nobody deadlocks."""
        if not is_noted(order_id):
            await self._changed(_grow(order_id))

    async def events(self, order_id: str) -> list[OrderEvent]:
        of_order = [
            select(*(table.c[column.name] for column in order_events.c)).where(
                table.c.order_id == order_id
            )
            for table in (archived_order_events, order_events)
        ]
        query = union_all(*of_order).order_by("event_id")
        rows = (await self._connection.execute(query)).mappings()
        return all_readable(rows, OrderEvent.model_validate)

    async def dossier(self, order_id: str) -> OrderDossier | None:
        order = await self.get(order_id)
        if order is None:
            return None
        return OrderDossier(
            order=order,
            payments=tuple(await Payments(self._connection).of_order(order_id)),
            refunds=tuple(await Refunds(self._connection).of_order(order_id)),
            deliveries=tuple(await Deliveries(self._connection).of_order(order_id)),
            events=tuple(await self.events(order_id)),
        )

    async def of_user(
        self, user_id: str, cursor: str | None, limit: int
    ) -> tuple[list[Order], str | None]:
        """Newest first."""
        return await self._page(select(orders).where(orders.c.user_id == user_id), cursor, limit)

    async def search(
        self,
        *,
        user_id: str | None = None,
        order_id: str | None = None,
        trade_no: str | None = None,
        status: OrderStatus | None = None,
        sale_id: str | None = None,
        with_practice: bool = True,
        cursor: str | None = None,
        limit: int = 50,
    ) -> tuple[list[Order], str | None]:
        """Newest first, all that fit every given term. `trade_no` is the provider's number or
        ours (`out_trade_no`)."""
        with_trade = select(payments.c.order_id).where(
            or_(payments.c.trade_no == trade_no, payments.c.payment_id == trade_no)
        )
        terms = [
            orders.c.user_id == user_id if user_id is not None else None,
            orders.c.order_id == order_id if order_id is not None else None,
            orders.c.order_id.in_(with_trade) if trade_no is not None else None,
            orders.c.status == status if status is not None else None,
            orders.c.sale_id == sale_id if sale_id is not None else None,
            None if with_practice else orders.c.sale_id != PRACTICE_SALE_ID,
        ]
        wanted: Sequence[Any] = [term for term in terms if term is not None]
        return await self._page(select(orders).where(and_(True, *wanted)), cursor, limit)

    async def _changed(self, query: Executable) -> bool:
        """Whether the guarded write changed anything; the order's new version is noted."""
        row = (await self._connection.execute(query)).mappings().one_or_none()
        if row:
            note_row(row)
        return row is not None

    async def _page(
        self, query: Select[Any], cursor: str | None, limit: int
    ) -> tuple[list[Order], str | None]:
        rows, after = await fetch_page(self._connection, query, orders.c.order_id, cursor, limit)
        return all_readable(rows, Order.model_validate), after


_GROWN = orders.c.user_id, orders.c.order_id, orders.c.version


def _grow(order_id: str) -> Update:
    query = update(orders).where(orders.c.order_id == order_id)
    return query.values(version=orders.c.version + 1).returning(*_GROWN)


def is_unheard_of(order_id: ColumnElement[str]) -> ColumnElement[bool]:
    found = orders.alias("found")
    begun = exists().where(
        deliveries.c.order_id == order_id,
        or_(deliveries.c.status != DeliveryStatus.PENDING, deliveries.c.attempts > 0),
    )
    is_paid = exists().where(found.c.order_id == order_id, found.c.status == OrderStatus.PAID)
    return and_(is_paid, ~begun)
