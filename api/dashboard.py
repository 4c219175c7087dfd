"""A sale as an operator looks at it in a rush: from three stores, as far as they answer."""

import asyncio
from collections.abc import Awaitable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple, TypeVar

import structlog
from redis.asyncio import Redis

from api.problems import Outage
from api.schemas.dashboard import (
    DashboardView,
    GateItemView,
    ItemFiguresView,
    LedgerItemView,
    MissingView,
    MoneyView,
    OpenAttentionsView,
    RoomView,
    StandingView,
    WorkflowsView,
)
from api.workflow_calls import WorkflowCalls
from domain.errors import ErrorCode, Refusal
from domain.sale import Item, Sale
from infra.postgres.engine import Database
from infra.postgres.sale_figures import SaleFigures, sale_figures
from infra.postgres.sales import Sales
from infra.redis.gate_figures import GateItem, gate_figures
from infra.single_flight import SingleFlight

log = structlog.get_logger()

MAX_REMEMBERED = 200
# A store that hangs must not keep the others' figures from being seen.
PART_SECONDS = 3.0

T = TypeVar("T")


class _Counts(NamedTuple):
    sale: Sale
    figures: SaleFigures


class Dashboard:
    """However many look, a sale is read once a second at most, and by one at a time."""

    def __init__(self, database: Database, redis: Redis, workflows: WorkflowCalls) -> None:
        self._database = database
        self._redis = redis
        self._workflows = workflows
        self._views: SingleFlight[str, DashboardView] = SingleFlight(MAX_REMEMBERED)
        # Which items there are is known for as long as Postgres is away.
        self._sales: SingleFlight[str, Sale] = SingleFlight(MAX_REMEMBERED, outages=Outage)

    async def of(self, sale_id: str) -> DashboardView:
        """Raises Refusal NOT_FOUND; or an outage for a sale that was never read and cannot be."""
        return await self._views.get(sale_id, lambda: self._read(sale_id))

    async def _read(self, sale_id: str) -> DashboardView:
        sale = await self._sales.get(sale_id, lambda: self._sale(sale_id))
        missing: list[MissingView] = []
        counts, gate, workflows = await asyncio.gather(
            _part("ledger", missing, self._counts(sale_id)),
            _part("gate", missing, gate_figures(self._redis, [item.ref for item in sale.items])),
            _part("workflows", missing, self._running(sale_id)),
        )
        return _view(counts.sale if counts else sale, counts, gate, workflows, missing)

    async def _sale(self, sale_id: str) -> Sale:
        async with self._database.transaction() as connection:
            return await _known(Sales(connection), sale_id)

    async def _counts(self, sale_id: str) -> _Counts:
        async with self._database.transaction() as connection:
            sale = await _known(Sales(connection), sale_id)
            return _Counts(sale, await sale_figures(connection, sale_id))

    async def _running(self, sale_id: str) -> WorkflowsView:
        # A name, which has no quotes.
        ours = f"SaleId = '{sale_id}'"
        running, need_attention = await asyncio.gather(
            self._workflows.count(f"{ours} AND ExecutionStatus = 'Running'"),
            self._workflows.count(f"{ours} AND NeedsAttention = true"),
        )
        return WorkflowsView(running=running, need_attention=need_attention)


async def _known(sales: Sales, sale_id: str) -> Sale:
    sale = await sales.get(sale_id)
    if sale is None:
        raise Refusal(ErrorCode.NOT_FOUND, "no such sale")
    return sale


async def _part(name: str, missing: list[MissingView], reading: Awaitable[T]) -> T | None:
    try:
        async with asyncio.timeout(PART_SECONDS):
            return await reading
    except (*Outage, RuntimeError) as error:
        # Its kind alone: addresses and names stay inside.
        log.warning("dashboard_part_missing", part=name, error=repr(error)[:200])
        missing.append(MissingView(part=name, why=f"does not answer: {type(error).__name__}"))
        return None


def _view(
    sale: Sale,
    counts: _Counts | None,
    gate: Mapping[str, GateItem | None] | None,
    workflows: WorkflowsView | None,
    missing: list[MissingView],
) -> DashboardView:
    now = datetime.now(UTC)
    known = gate or {}
    items = [_item(item, counts is not None, known.get(item.sku_id)) for item in sale.items]
    for item in items if gate is not None else ():
        if item.gate is None:
            missing.append(MissingView(part=f"gate of {item.sku_id}", why="not known to Redis"))
        elif item.gate.held is None:
            why = "too many orders to count"
            missing.append(MissingView(part=f"held and sold of {item.sku_id}", why=why))
    return DashboardView(
        sale_id=sale.sale_id,
        name=sale.name,
        status=sale.status_at(now),
        starts_at=sale.starts_at,
        ends_at=sale.ends_at,
        server_time=now,
        items=items,
        workflows=workflows,
        missing=missing,
        **_of_ledger(counts.figures if counts else None, now),
    )


def _of_ledger(figures: SaleFigures | None, now: datetime) -> dict[str, object]:
    if figures is None:
        return dict.fromkeys(("orders", "money", "refusals", "attention"))
    open_ = figures.attentions
    return {
        "orders": {
            status: StandingView(orders=one.orders, oldest_seconds=_age(one.oldest, now))
            for status, one in figures.standing.items()
        },
        "money": [MoneyView.model_validate(one.model_dump()) for one in figures.money],
        "refusals": dict(figures.refusals),
        "attention": OpenAttentionsView(
            of_sale=open_.of_sale,
            elsewhere=open_.elsewhere,
            oldest_seconds=None if open_.oldest is None else _age(open_.oldest, now),
        ),
    }


def _age(since: datetime, now: datetime) -> float:
    return max((now - since).total_seconds(), 0.0)


def _item(item: Item, is_fresh: bool, gate: GateItem | None) -> ItemFiguresView:
    units = {name: getattr(item, name) for name in LedgerItemView.model_fields}
    room = gate.room if gate else None
    at_the_gate = None
    if gate:
        shown = RoomView.model_validate(room._asdict()) if room else None
        at_the_gate = GateItemView.model_validate({**gate._asdict(), "room": shown})
    return ItemFiguresView(
        sku_id=item.sku_id,
        title=item.title,
        # Units of a moment ago would look like those of now.
        ledger=LedgerItemView.model_validate(units) if is_fresh else None,
        gate=at_the_gate,
    )
