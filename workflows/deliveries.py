"""What is owed after payment: tried by itself a few times, then left to a person's decision."""

import asyncio
import contextlib
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.deliveries import (
        DeliverOne,
        DeliveryActivities,
        GiveUpDelivery,
        Owed,
        PaidOrder,
        SkipDelivery,
    )
    from activities.refusals import refusal
    from domain.delivery import Delivery, DeliveryKind
    from domain.errors import ErrorCode
    from domain.quoting import quoted
    from domain.states import DeliveryStatus, OrderStatus
    from infra.temporal.client import NEEDS_ATTENTION
    from workflows.details import Details
    from workflows.policies import run_locally_first, run_until_done
    from workflows.updates import DecideDelivery

# Between the five tries: long enough for a receiver that restarts, short enough for a buyer.
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (2, 8, 32, 128))
# A refund that began may have been unable to say so. Twice as late each time, so that an order
# nobody decides about does not outgrow what one history may hold.
LOOK_AGAIN, LOOK_AGAIN_AT_LAST = timedelta(hours=1), timedelta(days=1)


class Deliveries:
    """The deliveries of one paid order, for the workflow that settled its payment."""

    def __init__(self, order_id: str, details: Details) -> None:
        self._paid = PaidOrder(order_id=order_id)
        self._details = details
        self._open: tuple[Delivery, ...] = ()
        self._failed: set[DeliveryKind] = set()
        self._refund_begun = False
        self._deciding = asyncio.Lock()

    async def carry_out(self, tried: Owed | None = None) -> Owed:
        """Try everything at once, if that was not `tried` before. What is still open afterwards has
        to be seen through."""
        owed = tried
        if owed is None:
            owed = await run_locally_first(
                DeliveryActivities.carry_out, self._paid, "deliver what is owed"
            )
        self._open = owed.open
        return owed

    async def see_through(self) -> OrderStatus:
        """Try what failed again, and wait for a person where that does not help. Answers the
        order's status when nothing is owed any more, or nobody waits for it: a refund began."""
        await asyncio.gather(*(self._try_again(delivery) for delivery in self._open))
        pause = LOOK_AGAIN
        while True:
            owed = await run_locally_first(
                DeliveryActivities.fulfil, self._paid, "see what is still owed"
            )
            if not owed.open:
                workflow.upsert_search_attributes([NEEDS_ATTENTION.value_set(False)])
                return owed.order_status
            self._failed = {delivery.kind for delivery in owed.open}
            await self._wait_for_a_decision(pause)
            pause = min(2 * pause, LOOK_AGAIN_AT_LAST)

    async def retry(self, decision: DecideDelivery) -> DeliveryStatus:
        async with self._deciding:
            # Checked again: another decision may have been carried out while this one waited.
            self.refuse_unless_failed(decision)
            delivery = await run_until_done(
                DeliveryActivities.deliver_one,
                DeliverOne(order_id=self._paid.order_id, **decision.model_dump()),
                f"deliver {decision.kind} again for {decision.actor}",
            )
            return self._decided(delivery, decision)

    async def skip(self, decision: DecideDelivery) -> DeliveryStatus:
        async with self._deciding:
            self.refuse_unless_failed(decision)
            delivery = await run_until_done(
                DeliveryActivities.skip_delivery,
                SkipDelivery(order_id=self._paid.order_id, **decision.model_dump()),
                f"skip {decision.kind} for {decision.actor}",
            )
            return self._decided(delivery, decision)

    def refuse_unless_failed(self, decision: DecideDelivery) -> None:
        if decision.kind not in self._failed:
            raise refusal(
                ErrorCode.INVALID_STATE, f"{decision.kind} waits for nobody's decision right now"
            )

    def note_refund(self) -> None:
        self._refund_begun = True

    async def _try_again(self, delivery: Delivery) -> None:
        kind = delivery.kind
        command = DeliverOne(order_id=self._paid.order_id, kind=kind)
        # From where its count stands, so that a workflow started anew gives nobody more tries.
        for pause in PAUSES[max(delivery.attempts, 1) - 1 :]:
            self._details.add(f"{kind} failed {delivery.attempts} times: {quoted(delivery.detail)}")
            await workflow.sleep(pause, summary=f"before {kind} is tried again")
            delivery = await run_until_done(
                DeliveryActivities.deliver_one, command, f"deliver {kind} again"
            )
            if delivery.status is not DeliveryStatus.PENDING:
                return
        await self._give_up(delivery)

    async def _give_up(self, delivery: Delivery) -> None:
        command = GiveUpDelivery(
            order_id=self._paid.order_id, kind=delivery.kind, error=delivery.detail
        )
        left = await run_until_done(
            DeliveryActivities.give_up_delivery, command, f"leave {delivery.kind} to a person"
        )
        # It may be done by now, or skipped because its order is being given back.
        if left.status is DeliveryStatus.FAILED:
            self._details.add(f"{left.kind} needs a person: {quoted(left.detail)}")
            self._failed.add(left.kind)
            workflow.upsert_search_attributes([NEEDS_ATTENTION.value_set(True)])

    def _decided(self, delivery: Delivery, decision: DecideDelivery) -> DeliveryStatus:
        self._details.add(f"{delivery.kind} is {delivery.status} by {quoted(decision.actor)}")
        if delivery.status is not DeliveryStatus.FAILED:
            self._failed.discard(delivery.kind)
        return delivery.status

    async def _wait_for_a_decision(self, pause: timedelta) -> None:
        open_before = len(self._failed)
        with contextlib.suppress(asyncio.TimeoutError):
            await workflow.wait_condition(
                lambda: self._refund_begun or len(self._failed) < open_before,
                timeout=pause,
                timeout_summary="somebody has to decide",
            )
        self._refund_begun = False


class DecidesDeliveries:
    """What operators may say to a workflow while its `_deliveries` wait for a person."""

    _deliveries: Deliveries

    @workflow.update
    async def retry_delivery(self, decision: DecideDelivery) -> DeliveryStatus:
        """Try a failed delivery once more."""
        return await self._deliveries.retry(decision)

    @retry_delivery.validator
    def _refuse_to_retry(self, decision: DecideDelivery) -> None:
        self._deliveries.refuse_unless_failed(decision)

    @workflow.update
    async def skip_delivery(self, decision: DecideDelivery) -> DeliveryStatus:
        """Let the order go on without a failed delivery."""
        return await self._deliveries.skip(decision)

    @skip_delivery.validator
    def _refuse_to_skip(self, decision: DecideDelivery) -> None:
        self._deliveries.refuse_unless_failed(decision)

    @workflow.signal(description="The order is being given back")
    def refund_begun(self) -> None:
        self._deliveries.note_refund()
