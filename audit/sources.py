"""The stores an audit reads, opened together."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from audit.running_workflows import AuditedWorkflows
from audit.window import Window
from infra.gateways.provider_book import PracticeBook, ProviderBook
from infra.postgres.engine import Database
from infra.redis.backlog import Backlog
from infra.redis.intents import Intents
from infra.redis.reservation_mending import ReservationMending
from infra.redis.room_counts import RoomCounts
from infra.redis.stock_gate import StockGate
from infra.room_recovery import RoomRecovery
from infra.settings import Settings
from infra.stores import open_stores

CONNECTIONS = 10
# Sums over a whole sale take longer than any query a buyer waits for.
POSTGRES_TIMEOUT_SECONDS = 30.0
# What can be done is done in seconds, and what a provider must be asked for in two minutes.
OVERDUE_AFTER = timedelta(minutes=3)


@dataclass(frozen=True)
class AuditSources:
    """`book` is None where no provider shows one. Orders younger than `grace` may be ahead of
    Postgres. What should have been done longer ago than `overdue_after` is stuck.
    `window` is None where the whole is looked at, and `rooms` and `room_counts` where
    none is put back, or counted. Without `mending` whole items are written anew;
    `backlog`: how long accepted orders wait, None where nobody asks."""

    database: Database
    gate: StockGate
    intents: Intents
    workflows: AuditedWorkflows
    book: ProviderBook | None
    grace: timedelta
    overdue_after: timedelta = OVERDUE_AFTER
    window: Window | None = None
    rooms: RoomRecovery | None = None
    room_counts: RoomCounts | None = None
    mending: ReservationMending | None = None
    backlog: Backlog | None = None

    @property
    def orders_within(self) -> tuple[str, ...] | None:
        return self.window.orders if self.window else None

    @property
    def sales_within(self) -> tuple[str, ...] | None:
        return self.window.sales if self.window else None


# For who needs them now and then: what is not open keeps no connection.
OpenSources = Callable[[], AbstractAsyncContextManager[AuditSources]]


@asynccontextmanager
async def open_sources(
    settings: Settings, workflows: AuditedWorkflows
) -> AsyncIterator[AuditSources]:
    """Opens everything an audit needs and closes it again. A store that is away does not fail
    here: the checks that need it will say so."""
    patient = settings.model_copy(
        update={
            "postgres_pool_size": CONNECTIONS,
            "postgres_timeout_seconds": max(
                settings.postgres_timeout_seconds, POSTGRES_TIMEOUT_SECONDS
            ),
        }
    )
    async with AsyncExitStack() as closing:
        stores = await closing.enter_async_context(open_stores(patient))
        book = open_book(settings)
        if book is not None:
            closing.push_async_callback(book.aclose)
        yield AuditSources(
            database=stores.database,
            gate=StockGate(stores.redis),
            intents=Intents(stores.redis),
            workflows=workflows,
            book=book,
            grace=settings.audit_grace,
            overdue_after=settings.audit_overdue,
            rooms=RoomRecovery(stores.database, stores.redis),
            room_counts=RoomCounts(stores.redis),
            mending=ReservationMending(stores.redis),
            backlog=Backlog(stores.redis),
        )


def open_book(settings: Settings) -> ProviderBook | None:
    """The provider's own book, where there is one and the settings want it compared."""
    if settings.audit_book and settings.sandbox_url:
        return PracticeBook(settings.sandbox_url)
    return None
