"""A sale that was over long ago, and its way into the archive."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from domain.audit import AuditReport, Check
from domain.states import OrderStatus
from infra.postgres.audits import Audits
from infra.postgres.deliveries import Deliveries
from infra.postgres.engine import Database
from infra.postgres.ledger_archive import LedgerArchive
from infra.postgres.orders import Orders
from tests.support.ledger import damage, fulfil
from tests.support.sound_sale import busy_sale

SALE = "noon"


def tomorrow() -> datetime:
    return datetime.now(UTC) + timedelta(days=1)


async def an_old_sale(database: Database) -> None:
    """Orders at each end of their way, and one that still waits. No audit has looked at it."""
    await busy_sale(database)
    async with database.transaction() as connection:
        paid, _ = await Orders(connection).search(status=OrderStatus.PAID, limit=10)
    for order in paid:
        await fulfil(database, order.order_id)
    async with database.transaction() as connection:
        await connection.execute(
            text("UPDATE orders SET closed_at = now() WHERE closed_at IS NULL")
        )
        # Of those that were given back.
        await connection.execute(
            text("UPDATE deliveries SET status = 'skipped' WHERE status = 'pending'")
        )
        await Deliveries(connection).archive(tomorrow(), 100)
    await damage(
        database,
        "UPDATE sales SET status = 'published', starts_at = '2020-01-01', ends_at = '2020-01-02'",
    )
    await damage(database, "UPDATE sale_items SET retired_at = now() - interval '1 minute'")


async def is_sound(database: Database) -> None:
    """An audit finds everything in order."""
    now = datetime.now(UTC)
    check = Check(code="A1", ok=True, detail="")
    report = AuditReport(audit_id="sound", started_at=now, finished_at=now, checks=(check,))
    async with database.transaction() as connection:
        await Audits(connection).save(report)


async def due(database: Database) -> list[str]:
    async with database.transaction() as connection:
        return await LedgerArchive(connection).due(tomorrow())


async def move(database: Database, limit: int = 100) -> int:
    async with database.transaction() as connection:
        return await LedgerArchive(connection).move(SALE, tomorrow(), limit)
