"""What operators tell a sale to do: on record in Postgres, and done at the gate, in the order that
never lets anybody do what one of both forbids."""

import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from api.problems import Outage
from api.sales import ShownSales
from api.schemas.sales import OperatorSaleView, operator_sale_view
from domain.errors import ErrorCode, Refusal
from domain.sale import Sale
from domain.sale_command import SaleCommand, require_status
from domain.states import SaleStatus
from infra.postgres.engine import Database
from infra.postgres.sale_commands import SaleCommands
from infra.sale_at_gate import GateMoves, SaleAtGate, stop_sale

log = structlog.get_logger()

# Carries a command out on the locked sale.
Carry = Callable[[AsyncConnection, Sale], Awaitable[None]]


class SaleCommandRunner:
    """Temporal is not asked. A repeat of a key is answered as the first was."""

    def __init__(self, database: Database, at_gate: SaleAtGate, shown: ShownSales) -> None:
        self._database = database
        self._at_gate = at_gate
        self._shown = shown

    async def stop(self, sale_id: str, command: SaleCommand) -> OperatorSaleView:
        """Pause or close: at the gate first, though Postgres may be away. Raises Refusal."""
        # By this name the stop is looked for until it is on record.
        keyed = command.model_copy(update={"key": command.key or f"-{secrets.token_hex(16)}"})
        stopped_at = await self._stopped_at(sale_id, keyed)

        async def carry(connection: AsyncConnection, sale: Sale) -> None:
            await stop_sale(connection, sale, keyed.kind, stopped_at)

        try:
            view = await self._on_record(sale_id, keyed, carry)
        except Refusal:
            if stopped_at is not None:
                await self._at_gate.bring(sale_id)
            raise
        except Outage as error:
            if stopped_at is None:
                raise
            detail = "the gate is stopped and stays so, but that is not on record yet: say it again"
            raise Refusal(ErrorCode.UNAVAILABLE, detail) from error
        await self._bring(sale_id, keyed)
        return view

    async def resume(self, sale_id: str, command: SaleCommand) -> OperatorSaleView:
        async def carry(connection: AsyncConnection, sale: Sale) -> None:
            if require_status(sale, SaleStatus.PUBLISHED, datetime.now(UTC)):
                await SaleCommands(connection).change(sale, status=SaleStatus.PUBLISHED)

        # A stop that is not on record yet came before this.
        with suppress(*Outage):
            await self._at_gate.settle_stops(sale_id)
        view = await self._on_record(sale_id, command, carry)
        await self._bring(sale_id, command)
        return view

    async def _stopped_at(self, sale_id: str, command: SaleCommand) -> int | None:
        try:
            return await self._at_gate.stop(sale_id, command)
        except Outage:
            # Nobody can order anything where Redis is away.
            log.warning("gate_not_reached", sale_id=sale_id, kind=command.kind, exc_info=True)
            return None

    async def _on_record(
        self, sale_id: str, command: SaleCommand, carry: Carry
    ) -> OperatorSaleView:
        async with self._database.transaction() as connection:
            commands = SaleCommands(connection)
            sale = await commands.lock(sale_id)
            if sale is None:
                raise Refusal(ErrorCode.NOT_FOUND, "no such sale")
            if await commands.is_on_record(sale_id, command):
                answer = await commands.answer(sale_id, command)
                return OperatorSaleView.model_validate(answer) if answer else _as_ledger(sale)
            await carry(connection, sale)
            view = _as_ledger(await commands.lock(sale_id) or sale)
            answer = view.model_dump(mode="json")
            await commands.put_on_record(sale_id, command, view.version, answer)
        log.info("sale_commanded", sale_id=sale_id, kind=command.kind, actor=command.actor)
        return view

    async def _bring(self, sale_id: str, command: SaleCommand) -> None:
        self._shown.forget()
        try:
            await self._at_gate.bring(sale_id)
        except (*Outage, GateMoves) as error:
            detail = f"{command.kind} is on record, but not done at the gate yet: say it again"
            raise Refusal(ErrorCode.UNAVAILABLE, detail) from error


def _as_ledger(sale: Sale) -> OperatorSaleView:
    """Without asking the gate: whatever cannot be shown is not put on record."""
    left = {item.sku_id: item.available for item in sale.items}
    return operator_sale_view(sale, left, datetime.now(UTC))
