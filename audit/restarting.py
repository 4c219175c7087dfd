"""Workflows started again for orders that lost theirs: each on record, none in another's way."""

from collections.abc import AsyncIterator, Iterable, Sequence

import structlog
from temporalio.service import RPCError, RPCStatusCode

from audit.outages import store_of
from audit.queries import known_orders
from audit.sources import AuditSources
from domain.attention import AttentionKind
from domain.repair import NewRepair, RepairKind
from domain.reservation import Intent, Reservation
from domain.sale import ItemRef
from infra.postgres.attentions import Attentions
from infra.postgres.notice_queue import NoticeQueue
from infra.postgres.orders import Orders
from infra.postgres.repairs import Repairs

log = structlog.get_logger()

WHAT_CHARACTERS = 500
STARTED, RUNS, REFUSED = "started", "runs", "refused"


async def restart_unwatched(sources: AuditSources, unwatched: Iterable[str]) -> AsyncIterator[str]:
    """Orders Postgres has in hand and nobody works on. Whatever became of their workflow: the
    provider is asked first, and each step is done once however often it is tried."""
    for order_id in unwatched:
        async with sources.database.transaction() as connection:
            order = await Orders(connection).get(order_id)
        if order is None:
            continue
        if await _restart(sources, order.input_of_its_workflow, f"{order.status}, no workflow"):
            async with sources.database.transaction() as connection:
                # Its money may have come while nobody could be told of it.
                await NoticeQueue(connection).reopen_of_order(order_id)
            yield order_id


async def restart_lost(
    sources: AuditSources, lost: Sequence[tuple[ItemRef, Reservation]]
) -> AsyncIterator[str]:
    """Their workflow makes an order or a rejection of them."""
    for item, reservation in lost:
        order_id = reservation.order_id
        async with sources.database.transaction() as connection:
            if await known_orders(connection, [order_id]):
                continue
        intent = Intent(
            order_id=order_id,
            sale_id=item.sale_id,
            sku_id=item.sku_id,
            user_id=reservation.user_id,
            quantity=reservation.quantity,
            accepted_at_ms=reservation.reserved_at_ms,
        )
        found = f"{reservation.state} in Redis alone"
        if await _restart(sources, intent, found, even_if_it_runs=True):
            yield order_id


async def _restart(
    sources: AuditSources, intent: Intent, found: str, *, even_if_it_runs: bool = False
) -> bool:
    """False where it runs after all, or cannot be started: then a person is called, and the next
    one is seen to. Raises what the clients raise for a store that is away."""
    repair = NewRepair(
        kind=RepairKind.WORKFLOW,
        sale_id=intent.sale_id,
        sku_id=intent.sku_id,
        order_id=intent.order_id,
        found=found,
        should="a running workflow",
    )
    async with sources.database.transaction() as connection:
        (number,) = await Repairs(connection).begin([repair])
    try:
        started = await sources.workflows.start_order_again(intent, even_if_it_runs=even_if_it_runs)
        outcome = STARTED if started else RUNS
    except Exception as error:
        if not _is_its_own(error):
            raise
        log.exception("workflow_not_started", order_id=intent.order_id)
        await _call_a_person(sources, intent.order_id, error)
        outcome = REFUSED
    async with sources.database.transaction() as connection:
        await Repairs(connection).conclude({number: outcome})
    if outcome == STARTED:
        log.info("workflow_started_again", order_id=intent.order_id)
    return outcome == STARTED


def _is_its_own(error: Exception) -> bool:
    """Whether the order is to blame, and not a server that is away."""
    if isinstance(error, RPCError):
        return error.status is RPCStatusCode.INVALID_ARGUMENT
    return store_of(error) is None


async def _call_a_person(sources: AuditSources, order_id: str, error: Exception) -> None:
    async with sources.database.transaction() as connection:
        await Attentions(connection).raise_(
            AttentionKind.NOT_HEALED,
            order_id,
            order_id=order_id,
            what=f"The workflow of order {order_id} is gone and cannot be started again:"
            f" {type(error).__name__}: {error}"[:WHAT_CHARACTERS].replace("\0", ""),
            advice="It is tried again each minute. Put right what the error names, and close this"
            " when the order goes on; or cancel the order.",
        )
