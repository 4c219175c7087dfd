"""A sale in which one store is set back: who had ordered before the copy, and who after it."""

from dataclasses import dataclass
from datetime import timedelta

from redis.asyncio import Redis

from audit.sources import AuditSources
from domain.reservation import Intent
from domain.states import OrderStatus
from infra.postgres.attentions import Attentions
from infra.postgres.orders import Orders
from infra.redis.intents import Intents
from infra.redis.reservation_mending import ReservationMending
from tests.support.audited_orders import cancelled, dispatched, handle_of, paid
from tests.support.shop import Shop


@dataclass
class Sale:
    """Before the copy ada, bob and cyd wait; after it ada pays and bob cancels, dan comes and pays,
    eve comes and waits."""

    shop: Shop
    sources: AuditSources
    orders: dict[str, Intent]

    @classmethod
    async def open_(cls, shop: Shop, redis: Redis) -> "Sale":
        sources = AuditSources(
            database=shop.database,
            gate=shop.gate,
            intents=Intents(redis),
            workflows=shop.workflows,
            # The real providers show no book.
            book=None,
            grace=timedelta(seconds=0.4),
            # A minute of a test, in short: what has no row by now will get none.
            overdue_after=timedelta(seconds=1),
            mending=ReservationMending(redis),
        )
        return cls(shop, sources, {})

    async def before_the_copy(self) -> None:
        for user in ("ada", "bob", "cyd"):
            self.orders[user] = await dispatched(self.shop, self.sources, user)
        await self.shop.begin_payment(handle_of(self.shop, self.orders["ada"].order_id))

    async def after_the_copy(self) -> None:
        ada, bob = (handle_of(self.shop, self.orders[user].order_id) for user in ("ada", "bob"))
        await self.shop.pay(ada)
        await ada.result()
        await self.shop.cancel(bob)
        await bob.result()
        self.orders["dan"] = await paid(self.shop, self.sources, "dan")
        self.orders["eve"] = await dispatched(self.shop, self.sources, "eve")
        self.orders["fay"] = await cancelled(self.shop, self.sources, "fay")

    async def statuses(self) -> dict[str, OrderStatus | None]:
        async with self.shop.database.transaction() as connection:
            found = {
                user: await Orders(connection).get(intent.order_id)
                for user, intent in self.orders.items()
            }
        return {user: order.status if order else None for user, order in found.items()}

    async def attentions(self) -> dict[str | None, str]:
        """What is asked of a person, by order."""
        async with self.shop.database.transaction() as connection:
            rows, _ = await Attentions(connection).open_(None, 50)
        return {row.order_id: f"{row.kind}: {row.what} {row.advice}" for row in rows}
