"""What can never become an order is buried: a person is told, and nothing of it goes on."""

import structlog

from domain.actors import SYSTEM
from domain.attention import AttentionKind
from domain.states import OrderStatus
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database
from infra.postgres.flights.ending import EndingFlights, OrderEnd
from infra.redis.intent_entries import IntentEntry
from infra.redis.intent_groups import IntentGroup
from infra.redis.stock_gate import StockGate

log = structlog.get_logger()

ERROR_CHARACTERS = 500

HELD_ADVICE = (
    "The buyer's stock is still held. Put right what the error names, then revive the intent from "
    "the item's dead stream; or release the order's reservation and tell the buyer."
)
UNDONE_ADVICE = (
    "If the order had been placed ahead of its workflow and nothing was being paid for it, it is "
    "cancelled and its stock is back on sale: tell the buyer, who may order again. If a payment "
    "was open, the order stands: look it up, and put right what the error names."
)
UNDONE_REASON = "the order could not be carried on"


class Burial:
    """Raises what the stores raise; may be repeated from its beginning at any line."""

    def __init__(self, placing: IntentGroup, database: Database, gate: StockGate) -> None:
        self._placing = placing
        self._database = database
        self._gate = gate
        self._endings = EndingFlights(database)

    async def bury(self, entry: IntentEntry, error: str) -> bool:
        """One that was never placed. False if Temporal has it meanwhile, or somebody else."""
        await self._call_somebody(entry, error, HELD_ADVICE)
        return await self._to_the_dead(entry, error)

    async def bury_placed(self, entry: IntentEntry, error: str) -> bool:
        """One whose order may be placed and will never have a workflow: undone first, so that
        whoever dies before the end leaves an entry and no order without anybody. False if it is
        just being placed, and must be tried again."""
        if self._placing.has_in_hand(entry):
            return False
        await self._call_somebody(entry, error, UNDONE_ADVICE)
        if entry.order_id:
            await self._undo(entry, entry.order_id)
        return await self._to_the_dead(entry, error)

    async def _undo(self, entry: IntentEntry, order_id: str) -> None:
        end = OrderEnd(
            order_id=order_id,
            end=OrderStatus.CANCELLED,
            reason=UNDONE_REASON,
            actor=SYSTEM,
            detail="its workflow cannot be started",
            # An open payment may still take money, and then the order is the buyer's.
            closed=(),
        )
        ended = await self._endings.end(end)
        # Never before Postgres has said so, or a unit would be sold twice.
        if ended.status is OrderStatus.CANCELLED:
            await self._gate.release(entry.item, order_id)

    async def _call_somebody(self, entry: IntentEntry, error: str, advice: str) -> None:
        # Before anything else: raised twice it is one, and a burial nobody hears of is a loss.
        async with self._database.transaction() as connection:
            await Attentions(connection).raise_(
                AttentionKind.DEAD_INTENT,
                entry.subject,
                order_id=entry.order_id,
                what=f"An accepted order cannot be started: {_printable(error)}",
                advice=advice,
            )

    async def _to_the_dead(self, entry: IntentEntry, error: str) -> bool:
        buried = await self._placing.bury(entry, error)
        if buried:
            log.error("intent_buried", subject=entry.subject, error=_printable(error))
        return buried


def _printable(error: str) -> str:
    """Postgres keeps no NUL, and an entry may hold anything."""
    return error[:ERROR_CHARACTERS].replace("\0", "")
