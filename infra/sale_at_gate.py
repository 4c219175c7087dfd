"""A sale's terms and units at the gate, brought to what Postgres says of them."""

import time
from datetime import UTC, datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import ErrorCode, Refusal
from domain.sale import ItemRef, Sale
from domain.sale_command import STOPS, CommandKind, SaleCommand, require_status
from domain.states import SaleStatus
from infra.postgres.engine import Database
from infra.postgres.sale_cancellations import SaleCancellations
from infra.postgres.sale_commands import SaleCommands
from infra.postgres.sales import Sales
from infra.redis.gate_commands import Stop, Verdict
from infra.redis.stock_gate import StockGate

log = structlog.get_logger()

# Each time the gate was ahead another command came in between.
TRIES = 10


class GateMoves(Exception):
    """Commands come faster than the gate can be brought to them, or it has lost an item."""


class SaleAtGate:
    """Every call may be repeated, and made by several processes at once. Raises what the stores
    raise."""

    def __init__(self, database: Database, gate: StockGate) -> None:
        self._database = database
        self._gate = gate

    async def stop(self, sale_id: str, command: SaleCommand) -> int | None:
        """Nobody orders anything of the sale from now on, until that is on record and undone.
        Needs Redis alone. Answers the moment, in ms by its clock; None where the gate knows nothing
        of the sale."""
        items = await self._items(sale_id)
        stops = [await self._gate.commands.stop(item, command) for item in items]
        return max((stop.at_ms for stop in stops if stop), default=None)

    async def put_up(self, sale_id: str) -> None:
        """The stock of a sale that was a draft until now: what the gate knows already stays."""
        async with self._database.transaction() as connection:
            sale = await Sales(connection).get(sale_id)
        # What was retired had its last order; it must not come back without them.
        for item in sale.items if sale else ():
            if sale and item.retired_at is None:
                await self._gate.preheat(sale.terms_of(item), item.available, item.total)

    async def bring(self, sale_id: str) -> None:
        """Every item the gate knows to the sale's version. What stopped one and is not on record
        yet is put on record first."""
        for _ in range(TRIES):
            settled = await self.settle_stops(sale_id)
            async with self._database.transaction() as connection:
                sale = await Sales(connection).get(sale_id)
            if sale is None or sale.status is SaleStatus.DRAFT:
                return
            ahead = await self._write(sale, settled)
            if ahead is None:
                return
            async with self._database.transaction() as connection:
                if await SaleCommands(connection).go_past(sale_id, ahead):
                    log.warning("sale_version_never_committed", sale_id=sale_id, version=ahead)
        raise GateMoves(sale_id)

    async def settle_stops(self, sale_id: str) -> dict[str, str]:
        """Puts on record what stopped the gate and is not yet; answers the stops by SKU, all of
        them on record."""
        settled: dict[str, str] = {}
        items = await self._items(sale_id)
        looks = zip(items, await self._gate.commands.followed(items), strict=True)
        for item in [item for item, followed in looks if followed.is_stopped]:
            if stop := await self._gate.commands.stop_of(item):
                await self._put_on_record(sale_id, stop)
                settled[item.sku_id] = stop.text
        return settled

    async def narrow(self, sale: Sale, sku_id: str | None = None) -> int | None:
        """Takes the gate to a version that is not committed yet, which lets nobody do more than
        before. Answers the units there are to be taken back where those of `sku_id` are too few:
        then that item was not changed. Raises GateMoves where the gate is ahead or lost it."""
        for item in sale.items:
            if item.retired_at is not None or sku_id not in (None, item.sku_id):
                continue
            written = await self._gate.commands.write(
                sale.terms_of(item), total=item.total, only_free=True
            )
            if written.verdict is Verdict.SHORT:
                return written.number
            if written.verdict is not Verdict.WRITTEN:
                raise GateMoves(sale.sale_id)
        return None

    async def most_units(self, item: ItemRef) -> int:
        """What the buyer who has most of it has."""
        return await self._gate.commands.most_units(item)

    async def _items(self, sale_id: str) -> list[ItemRef]:
        """By the gate's own list: Postgres may be away."""
        return [item for item in (await self._gate.items()).values() if item.sale_id == sale_id]

    async def _write(self, sale: Sale, settled: dict[str, str]) -> int | None:
        for item in sale.items:
            if item.retired_at is not None:
                continue
            written = await self._gate.commands.write(
                sale.terms_of(item), total=item.total, settled=settled.get(item.sku_id, "")
            )
            if written.verdict is Verdict.OLDER:
                return written.number
        return None

    async def _put_on_record(self, sale_id: str, stop: Stop) -> None:
        try:
            async with self._database.transaction() as connection:
                commands = SaleCommands(connection)
                sale = await commands.lock(sale_id)
                if sale is None or await commands.on_record(sale_id, stop.command):
                    return
                version = await stop_sale(connection, sale, stop.command, stop.at_ms)
                await commands.put_on_record(sale_id, stop.command, version, None)
        except Refusal as refusal:
            # Whoever said it was refused, or will be; what was refused stops nothing.
            log.info("stop_refused", sale_id=sale_id, why=refusal.detail)
            return
        log.warning("stop_put_on_record", sale_id=sale_id, **stop.command.model_dump(mode="json"))


async def stop_sale(
    connection: AsyncConnection, sale: Sale, command: SaleCommand, at_ms: int | None = None
) -> int:
    """Pauses, closes or cancels a locked sale; answers its version then. `at_ms`: when the gate
    stopped, by its clock. Raises Refusal INVALID_STATE."""
    to = STOPS[command.kind]
    if not require_status(sale, to, datetime.now(UTC)):
        return sale.version
    values: dict[str, object] = {"status": to}
    if command.kind is not CommandKind.PAUSE:
        moment = datetime.fromtimestamp((at_ms or time.time_ns() // 1_000_000) / 1000, UTC)
        values["ends_at"] = min(sale.ends_at, moment)
    if not await SaleCommands(connection).change(sale, **values):
        raise Refusal(ErrorCode.INVALID_STATE, "the sale was changed meanwhile")
    if command.kind is CommandKind.CANCEL:
        await SaleCancellations(connection).ask(sale.sale_id, command.actor, command.reason)
    return sale.version + 1
