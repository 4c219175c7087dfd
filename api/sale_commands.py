"""What operators tell a sale to do: on record in Postgres, and done at the gate, in the order that
never lets anybody do what one of both forbids."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from api.problems import Outage
from api.sale_workflows import SaleWorkflows
from api.sales import ShownSales
from api.schemas.sale_changes import ChangedSaleView, changed_sale_view
from api.schemas.sales import OperatorSaleView, operator_sale_view
from domain.errors import ErrorCode, Refusal
from domain.operator_act import OperatorAct
from domain.sale import Admission, Sale
from domain.sale_change import SaleChange, changed_sale, lowered_limits, narrowed, new_values
from domain.sale_command import SaleCommand, require_status
from domain.states import AT_THE_GATE, SaleStatus
from infra.postgres.draw_seeds import DrawSeeds
from infra.postgres.engine import Database
from infra.postgres.operator_acts import OperatorActs
from infra.postgres.sale_commands import SaleCommands
from infra.postgres.sales import Sales
from infra.postgres.stock import Stock
from infra.sale_at_gate import GateMoves, SaleAtGate, stop_sale

log = structlog.get_logger()

MAX_TOTAL = 10**9

# Carries a command out on the locked sale.
Carry = Callable[[AsyncConnection, Sale], Awaitable[None]]


class SaleCommandRunner:
    """Temporal is told and not asked. A repeat of a key is answered as the first was; what a first
    call broke off, its repeat goes on with. All raise Refusal."""

    def __init__(
        self, database: Database, at_gate: SaleAtGate, shown: ShownSales, workflows: SaleWorkflows
    ) -> None:
        self._database = database
        self._at_gate = at_gate
        self._shown = shown
        self._workflows = workflows

    async def stop(self, sale_id: str, command: SaleCommand) -> OperatorSaleView:
        """Pause, close or cancel: at the gate first, though Postgres may be away."""
        # By this name the stop is looked for until it is on record.
        keyed = command.model_copy(update={"key": command.key or f"-{secrets.token_hex(16)}"})
        stopped_at = await self._stopped_at(sale_id, keyed)

        async def carry(connection: AsyncConnection, sale: Sale) -> None:
            await stop_sale(connection, sale, keyed, stopped_at)

        try:
            view = await self._on_record(sale_id, keyed, carry)
        except Refusal:
            if stopped_at is not None:
                await self._bring_if_possible(sale_id)
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

    async def publish(
        self, sale_id: str, beacon_source: str | None, command: SaleCommand
    ) -> tuple[OperatorSaleView, bool]:
        """Whether it was a draft, too: only then its stock is put at the gate."""
        drafted: list[Sale] = []

        async def carry(connection: AsyncConnection, sale: Sale) -> None:
            if sale.status is SaleStatus.DRAFT:
                drafted.append(sale)
                await SaleCommands(connection).change(sale, status=SaleStatus.PUBLISHED)
            elif sale.status not in AT_THE_GATE:
                detail = f"the sale is {sale.status}"
                raise Refusal(ErrorCode.INVALID_STATE, detail, sale_status=sale.status)
            await _commit_to_draw(connection, sale, beacon_source)
            acts = OperatorActs(connection)
            act = OperatorAct.SALE_PUBLISHED
            await acts.record(act, sale_id, command.actor, command.reason)

        view = await self._on_record(sale_id, command, carry)
        self._shown.forget()
        self._workflows.tell(sale_id)
        try:
            if drafted:
                await self._at_gate.put_up(sale_id)
            await self._at_gate.bring(sale_id)
        except (*Outage, GateMoves) as error:
            detail = "the sale is published, but its stock is not all at the gate: publish it again"
            raise Refusal(ErrorCode.UNAVAILABLE, detail) from error
        return view, bool(drafted)

    async def restock(
        self, sale_id: str, sku_id: str, quantity: int, command: SaleCommand
    ) -> OperatorSaleView:
        """Below zero: as many are taken back, at the gate first."""

        async def carry(connection: AsyncConnection, sale: Sale) -> None:
            _require_restockable(sale, sku_id, quantity)
            after = await _supplied(connection, sale, sku_id, quantity)
            free = await self._at_gate.narrow(after, sku_id) if quantity < 0 else None
            if free is not None:
                raise _too_few(free)

        async with self._narrowing(sale_id, quantity < 0):
            view = await self._on_record(sale_id, command, carry)
        await self._bring(sale_id, command)
        return view

    async def change(
        self, sale_id: str, change: SaleChange, if_match: str | None, command: SaleCommand
    ) -> ChangedSaleView:
        """`if_match`: the versions that may be changed, as HTTP writes them; None for any."""

        async def carry(connection: AsyncConnection, sale: Sale) -> None:
            _require_match(sale, if_match)
            after = changed_sale(sale, change, datetime.now(UTC))
            narrow = narrowed(sale, after) if sale.status in AT_THE_GATE else None
            await SaleCommands(connection).change(sale, **new_values(sale, after))
            for old, new in zip(sale.items, after.items, strict=True):
                if values := new_values(old, new):
                    await SaleCommands(connection).change_item(old.ref, **values)
            if narrow is not None:
                await self._at_gate.narrow(narrow)
                await self._require_nobody_above(sale, after)

        async with self._narrowing(sale_id, True):
            view = await self._on_record(sale_id, command, carry, changed_sale_view)
        await self._bring(sale_id, command)
        return ChangedSaleView.model_validate(view.model_dump())

    async def _require_nobody_above(self, before: Sale, after: Sale) -> None:
        # Asked when the gate has the lower limit: nobody can come above it any more.
        for item in lowered_limits(before, after):
            most = await self._at_gate.most_units(item.ref)
            if most > item.per_user_limit:
                detail = f"a buyer has {most} of {item.sku_id}"
                raise Refusal(ErrorCode.INVALID_STATE, detail, sale_status=before.status)

    async def _stopped_at(self, sale_id: str, command: SaleCommand) -> int | None:
        try:
            return await self._at_gate.stop(sale_id, command)
        except Outage:
            # Nobody can order anything where Redis is away.
            log.warning("gate_not_reached", sale_id=sale_id, kind=command.kind, exc_info=True)
            return None

    async def _on_record(
        self,
        sale_id: str,
        command: SaleCommand,
        carry: Carry,
        answer_of: "AnswerOf | None" = None,
    ) -> OperatorSaleView:
        answer_of = answer_of or _as_ledger
        async with self._database.transaction() as connection:
            commands = SaleCommands(connection)
            sale = await commands.lock(sale_id)
            if sale is None:
                raise Refusal(ErrorCode.NOT_FOUND, "no such sale")
            if before := await commands.on_record(sale_id, command):
                first = answer_of(sale, sale)
                return type(first).model_validate(before.answer) if before.answer else first
            await carry(connection, sale)
            view = answer_of(sale, await Sales(connection).get(sale_id) or sale)
            answer = view.model_dump(mode="json")
            await commands.put_on_record(sale_id, command, view.version, answer)
        log.info("sale_commanded", sale_id=sale_id, kind=command.kind, actor=command.actor)
        return view

    @asynccontextmanager
    async def _narrowing(self, sale_id: str, narrows: bool) -> AsyncIterator[None]:
        """Around a command that goes to the gate before it is committed."""
        if narrows:
            # So that the gate is at the version before, and counts its units.
            await self._bring_if_possible(sale_id)
        try:
            yield
        except GateMoves as error:
            await self._bring_if_possible(sale_id)
            detail = "the gate does not follow yet: say it again in a moment"
            raise Refusal(ErrorCode.UNAVAILABLE, detail) from error
        except Exception:
            if narrows:
                await self._bring_if_possible(sale_id)
            raise

    async def _bring_if_possible(self, sale_id: str) -> None:
        with suppress(*Outage, GateMoves):
            await self._at_gate.bring(sale_id)

    async def _bring(self, sale_id: str, command: SaleCommand) -> None:
        self._shown.forget()
        self._workflows.tell(sale_id)
        try:
            await self._at_gate.bring(sale_id)
        except (*Outage, GateMoves) as error:
            detail = f"{command.kind} is on record, but not done at the gate yet: say it again"
            raise Refusal(ErrorCode.UNAVAILABLE, detail) from error


# What a command is answered, of the sale before and after it.
AnswerOf = Callable[[Sale, Sale], OperatorSaleView]


def _as_ledger(_before: Sale, sale: Sale) -> OperatorSaleView:
    """Without asking the gate: whatever cannot be shown is not put on record."""
    left = {item.sku_id: item.available for item in sale.items}
    return operator_sale_view(sale, left, datetime.now(UTC))


def _require_restockable(sale: Sale, sku_id: str, quantity: int) -> None:
    item, seen = sale.item(sku_id), sale.status_at(datetime.now(UTC))
    if item is None:
        raise Refusal(ErrorCode.NOT_FOUND, "no such item in this sale")
    if seen not in AT_THE_GATE or item.retired_at is not None:
        raise Refusal(ErrorCode.INVALID_STATE, f"the sale is {seen}", sale_status=seen)
    if item.total + quantity > MAX_TOTAL:
        raise Refusal(ErrorCode.INVALID_STATE, f"an item has at most {MAX_TOTAL} units")


async def _commit_to_draw(
    connection: AsyncConnection, sale: Sale, beacon_source: str | None
) -> None:
    if sale.admission is Admission.DRAW:
        await DrawSeeds(connection).commit(sale.sale_id, beacon_source)
    promise = await DrawSeeds(connection).promise(sale.sale_id)
    if beacon_source is not None and (promise is None or promise.beacon_source != beacon_source):
        detail = "it was published without this beacon" if promise else "it draws no lots"
        raise Refusal(ErrorCode.INVALID_STATE, detail, sale_status=sale.status)


async def _supplied(connection: AsyncConnection, sale: Sale, sku_id: str, quantity: int) -> Sale:
    # The sale's row before the item's, as whoever places an order locks them.
    await SaleCommands(connection).change(sale)
    ref = next(item.ref for item in sale.items if item.sku_id == sku_id)
    is_supplied = await Stock(connection).supply(ref, quantity)
    after = await Sales(connection).get(sale.sale_id)
    if after is None or not is_supplied:
        raise _too_few(next(i.available for i in sale.items if i.sku_id == sku_id))
    return after


def _too_few(free: int) -> Refusal:
    detail = f"{free} units can be taken back: the others are held, sold or promised"
    return Refusal(ErrorCode.INVALID_STATE, detail, available=free)


def _require_match(sale: Sale, if_match: str | None) -> None:
    if if_match is None:
        return
    wanted = {tag.strip() for tag in if_match.split(",")}
    if not wanted & {"*", f'"{sale.version}"'}:
        detail = f"the sale is at version {sale.version}"
        raise Refusal(ErrorCode.INVALID_STATE, detail, version=sale.version)
