"""The round of each minute: what nobody goes on with is pushed on, or a person is called."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import structlog
from temporalio import activity

from activities.heartbeats import heartbeats
from audit.checks.a4_workflows import unwatched_by_search
from audit.item_mending import mend_items
from audit.restarting import restart_lost, restart_unwatched
from audit.sources import AuditSources, OpenSources
from audit.stranded import held_without_order, items_gone, refunds_without_workflow
from domain.actors import SYSTEM
from domain.attention import AttentionKind
from domain.model import Value
from domain.refund import Refund, RefundRequest, asked_again
from infra.postgres.attentions import Attentions

log = structlog.get_logger()

ALL_INTENTS = "intents"


class Swept(Value):
    """How many of each were pushed on. `failed`: the parts of the round that could not be done,
    as a store was away."""

    rebuilt: int = 0
    restarted: int = 0
    placed: int = 0
    refunds: int = 0
    failed: tuple[str, ...] = ()


class RefundsToStart(Protocol):
    """Workflows are in a room above this one. Raises RPCError while Temporal is away."""

    async def start_refund(self, request: RefundRequest) -> bool:
        """False when it runs."""


class SweepActivities:
    def __init__(self, open_sources: OpenSources, refunds: RefundsToStart) -> None:
        self._open = open_sources
        self._refunds = refunds

    @activity.defn
    async def sweep(self) -> Swept:
        """One round over everything that waits. What needs a store that is away is left out, and
        keeps none of the rest from being done."""
        # Items first: a workflow that is started again asks Redis.
        parts: Mapping[str, Callable[[AuditSources], Awaitable[int]]] = {
            "rebuilt": self._write_lost_items,
            "restarted": self._restart_orders,
            "placed": self._place_forgotten,
            "refunds": self._restart_refunds,
            "intents": self._look_at_intents,
        }
        done, failed = dict[str, int](), list[str]()
        async with heartbeats(), self._open() as sources:
            for name, part in parts.items():
                try:
                    done[name] = await part(sources)
                except Exception as error:
                    log.warning("sweep_incomplete", part=name, error=repr(error)[:200])
                    failed.append(name)
        done.pop("intents", None)
        return Swept(**done, failed=tuple(failed))

    async def _write_lost_items(self, sources: AuditSources) -> int:
        if not (gone := await items_gone(sources)):
            return 0
        mended = await mend_items(sources, gone)
        for item in mended.rebuilt:
            async with sources.database.transaction() as connection:
                await Attentions(connection).raise_(
                    AttentionKind.STORE_LOST,
                    f"{item.sale_id}/{item.sku_id}",
                    what=f"Redis knew nothing of item {item.sku_id} of sale {item.sale_id}. It is"
                    " written again from Postgres, and sells. Who was accepted in the moments"
                    " before, and is not in Postgres, has no order, and was charged nothing.",
                    advice="Find out why Redis lost its data (appendonly, a flush, a failover), and"
                    " close this.",
                )
        return len(mended.rebuilt)

    async def _restart_orders(self, sources: AuditSources) -> int:
        """Those whose workflow is gone, paid ones that wait for a delivery too."""
        unwatched = await unwatched_by_search(sources)
        return len([order_id async for order_id in restart_unwatched(sources, unwatched)])

    async def _place_forgotten(self, sources: AuditSources) -> int:
        forgotten = await held_without_order(sources)
        return len([order_id async for order_id in restart_lost(sources, forgotten)])

    async def _restart_refunds(self, sources: AuditSources) -> int:
        started = 0
        for refund, received, paid_at in await refunds_without_workflow(sources):
            if refund.by_hand is None or received is None or paid_at is None:
                await _call_for_refund(sources, refund)
            elif await self._refunds.start_refund(asked_again(refund, received, paid_at)):
                log.warning("refund_started_again", refund_id=refund.refund_id)
                started += 1
        return started

    async def _look_at_intents(self, sources: AuditSources) -> int:
        if sources.backlog is None:
            return 0
        waiting, oldest_seconds = await sources.backlog.depth()
        too_long = oldest_seconds > sources.overdue_after.total_seconds()
        async with sources.database.transaction() as connection:
            if too_long:
                await Attentions(connection).raise_(
                    AttentionKind.INTENTS_WAIT,
                    ALL_INTENTS,
                    what=f"{waiting} accepted orders wait for their workflow, the first of them for"
                    f" {oldest_seconds:.0f} s.",
                    advice="Start workers, or see in their logs what keeps them. It closes by"
                    " itself when none waits so long.",
                )
            else:
                await Attentions(connection).resolve(
                    AttentionKind.INTENTS_WAIT, ALL_INTENTS, SYSTEM, "none waits any more"
                )
        return waiting


async def _call_for_refund(sources: AuditSources, refund: Refund) -> None:
    async with sources.database.transaction() as connection:
        await Attentions(connection).raise_once(
            AttentionKind.NOT_HEALED,
            refund.refund_id,
            order_id=refund.order_id,
            what=f"Refund {refund.refund_id} is {refund.status}, nobody works on it, and no row"
            " says whether it was given back by hand.",
            advice="Look it up at the provider. If it went back, write it down as given back by"
            " hand; if not, ask for it again.",
        )
