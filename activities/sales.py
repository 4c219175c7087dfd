"""A sale on its way to its end, as its workflow sees it: each activity is one look, or one step by
compare-and-set."""

import asyncio
from datetime import datetime, timedelta

import structlog
from temporalio import activity

from activities.audits import AuditActivities
from activities.heartbeats import heartbeats
from domain.model import Value
from domain.sale import Sale
from domain.sale_report import EndVerdict
from domain.states import SaleStatus
from infra.postgres.engine import Database
from infra.postgres.sale_ends import SaleEnds
from infra.postgres.sale_reports import SaleReports
from infra.postgres.sales import Sales
from infra.redis.stock_gate import StockGate
from infra.sale_at_gate import SaleAtGate

log = structlog.get_logger()


class SaleRef(Value):
    sale_id: str


class SaleLook(Value):
    """`status`: None for a sale there is not. `seconds_left`: to its end by Redis' clock, which the
    gate goes by; 0 when that is past. `waiting`: accepted orders that are not started or placed
    yet; `dead`: those that wait for a person."""

    status: SaleStatus | None = None
    ends_at: datetime | None = None
    seconds_left: float = 0.0
    waiting: int = 0
    dead: int = 0

    @property
    def is_over(self) -> bool:
        """Nothing that the gate accepts can come any more, and what it accepted has arrived."""
        return not (self.seconds_left or self.waiting or self.dead)


class CloseSale(Value):
    """`ends_at`: the end that was seen to be past."""

    sale_id: str
    ends_at: datetime


class Settling(Value):
    """`unfinished` orders are queued or wait for their payment, the last of them for
    `seconds_left`. `status`: the sale's now."""

    status: SaleStatus | None
    unfinished: int = 0
    seconds_left: float = 0.0


class WriteReport(Value):
    sale_id: str
    verdict: EndVerdict | None = None


class WrittenReport(Value):
    version: int
    sold: int
    open_deliveries: int = 0
    open_refunds: int = 0
    open_attentions: int = 0


class SaleActivities:
    def __init__(self, database: Database, gate: StockGate, audits: AuditActivities) -> None:
        self._database = database
        self._gate = gate
        self._at_gate = SaleAtGate(database, gate)
        self._audits = audits
        # Each audit opens connections of its own.
        self._one_audit = asyncio.Lock()

    @activity.defn
    async def look_at_sale(self, ref: SaleRef) -> SaleLook:
        async with self._database.transaction() as connection:
            sale = await Sales(connection).get(ref.sale_id)
        if sale is None:
            return SaleLook()
        # After Postgres: an end that is changed meanwhile is then seen here, or found out when the
        # sale is closed for the end that was seen there.
        standings = [await self._gate.standing(item.ref) for item in sale.items]
        now_ms = max(standing.now_ms for standing in standings)
        # What the gate was told last may be older than the row, or newer: the later end counts.
        ends_ms = max(
            int(sale.ends_at.timestamp() * 1000),
            *(standing.ends_at_ms or 0 for standing in standings),
        )
        return SaleLook(
            status=sale.status,
            ends_at=sale.ends_at,
            seconds_left=max(0, ends_ms - now_ms) / 1000,
            waiting=sum(standing.waiting for standing in standings),
            dead=sum(standing.dead for standing in standings),
        )

    @activity.defn
    async def close_sale(self, command: CloseSale) -> SaleLook:
        """Fix the sale's window and close it, if its end is still the one that was seen. Answers
        with its status afterwards, and its end."""
        async with self._database.transaction() as connection:
            closed = await SaleEnds(connection).close(command.sale_id, command.ends_at)
            sale = await Sales(connection).get(command.sale_id)
        if closed:
            log.info("sale_closed", sale_id=command.sale_id)
        if sale is None:
            return SaleLook()
        # A repeat finds it closed, and the gate perhaps not told yet.
        await self._at_gate.bring(command.sale_id)
        return SaleLook(status=sale.status, ends_at=sale.ends_at)

    @activity.defn
    async def settle_sale(self, ref: SaleRef) -> Settling:
        """closed -> settled, once each of its orders is decided."""
        async with self._database.transaction() as connection:
            sale = await Sales(connection).get(ref.sale_id)
        if sale is None or sale.status is not SaleStatus.CLOSED:
            return Settling(status=sale.status if sale else None)
        # An order that Postgres does not know yet holds its stock at the gate.
        queued = await self._queued(sale)
        async with self._database.transaction() as connection:
            ends = SaleEnds(connection)
            if not queued and await ends.settle(ref.sale_id):
                log.info("sale_settled", sale_id=ref.sale_id)
                return Settling(status=SaleStatus.SETTLED)
            waiting = await ends.unfinished(ref.sale_id)
            now_there = await Sales(connection).get(ref.sale_id)
        left = timedelta()
        if waiting.until:
            left = waiting.until - datetime.now(waiting.until.tzinfo)
        return Settling(
            status=now_there.status if now_there else None,
            unfinished=max(waiting.orders, queued),
            seconds_left=max(0.0, left.total_seconds()),
        )

    async def _queued(self, sale: Sale) -> int:
        standings = [await self._gate.standing(item.ref) for item in sale.items]
        # What is dead may be revived; it holds its stock as long.
        return sum(standing.waiting + standing.held for standing in standings)

    @activity.defn
    async def audit_end(self, ref: SaleRef) -> EndVerdict:
        """What the audit says now that the sale is over."""
        async with heartbeats(), self._one_audit:
            found = await self._audits.audit_what_changed()
        log.info("sale_audited", sale_id=ref.sale_id, audit_id=found.audit_id, ok=found.ok)
        return EndVerdict(audit_id=found.audit_id, ok=found.ok, broken=found.broken)

    @activity.defn
    async def write_report(self, command: WriteReport) -> WrittenReport:
        """The report as the ledger is now; again it is the same, or the next version."""
        async with self._database.transaction() as connection:
            sale = await Sales(connection).get(command.sale_id)
            if sale is None:
                raise LookupError(f"there is no sale {command.sale_id}")
            report = await SaleReports(connection).bring_up_to_date(sale, command.verdict)
        still_open = report.still_open
        return WrittenReport(
            version=report.version,
            sold=sum(item.sold for item in report.figures.items),
            open_deliveries=still_open.deliveries,
            open_refunds=still_open.refunds,
            open_attentions=still_open.attentions,
        )
