"""What is owed after payment: tried by itself a few times, then left to a person's decision."""

import asyncio
import contextlib
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.deliveries import DeliveryActivities
    from activities.delivery_cases import DeliverOne, GiveUpDelivery, PaidOrder, SkipDelivery
    from activities.refusals import refusal
    from domain.delivery import Delivery, DeliveryKind
    from domain.errors import ErrorCode
    from domain.states import DeliveryStatus, OrderStatus
    from infra.temporal.client import NEEDS_ATTENTION
    from workflows.details import Story
    from workflows.policies import persistently, promptly
    from workflows.updates import DecideDelivery

# Between the five tries: long enough for a receiver that restarts, short enough for a buyer.
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (2, 8, 32, 128))
# A refund that began may have been unable to say so.
LOOK_AGAIN = timedelta(hours=1)


class Deliveries:
    """The deliveries of one paid order, for the workflow that settled its payment."""

    def __init__(self, order_id: str, story: Story) -> None:
        self._paid = PaidOrder(order_id=order_id)
        self._story = story
        self._open: tuple[Delivery, ...] = ()
        self._failed: set[DeliveryKind] = set()
        self._refund_begun = False
        self._deciding = asyncio.Lock()

    async def carry_out(self) -> OrderStatus | None:
        """Try everything at once. Answers the order's status when nothing is owed any more; None
        when something failed and has to be seen through."""
        owed = await promptly(DeliveryActivities.carry_out, self._paid, "deliver what is owed")
        self._open = owed.open
        return None if owed.open else owed.order_status

    async def see_through(self) -> OrderStatus:
        """Try what failed again, and wait for a person where that does not help. Answers the
        order's status when nothing is owed any more, or nobody waits for it: a refund began."""
        await asyncio.gather(*(self._try_again(delivery) for delivery in self._open))
        owed = await promptly(DeliveryActivities.fulfil, self._paid, "see what is still owed")
        while owed.open:
            self._failed = {delivery.kind for delivery in owed.open}
            await self._wait_for_news()
            owed = await promptly(DeliveryActivities.fulfil, self._paid, "see what is still owed")
        workflow.upsert_search_attributes([NEEDS_ATTENTION.value_set(False)])
        return owed.order_status

    async def retry(self, command: DecideDelivery) -> DeliveryStatus:
        async with self._deciding:
            self.refuse_unless_failed(command)
            delivery = await persistently(
                DeliveryActivities.deliver_one,
                DeliverOne(order_id=self._paid.order_id, **command.model_dump()),
                f"deliver {command.kind} again for {command.actor}",
            )
            return self._decided(delivery, command)

    async def skip(self, command: DecideDelivery) -> DeliveryStatus:
        async with self._deciding:
            self.refuse_unless_failed(command)
            delivery = await persistently(
                DeliveryActivities.skip_delivery,
                SkipDelivery(order_id=self._paid.order_id, **command.model_dump()),
                f"skip {command.kind} for {command.actor}",
            )
            return self._decided(delivery, command)

    def refuse_unless_failed(self, command: DecideDelivery) -> None:
        if command.kind not in self._failed:
            raise refusal(
                ErrorCode.INVALID_STATE, f"{command.kind} waits for nobody's decision right now"
            )

    def note_refund(self) -> None:
        self._refund_begun = True

    async def _try_again(self, delivery: Delivery) -> None:
        kind = delivery.kind
        command = DeliverOne(order_id=self._paid.order_id, kind=kind)
        for pause in PAUSES[max(delivery.attempts, 1) - 1 :]:
            self._story.tell(f"{kind} failed {delivery.attempts} times: {delivery.detail}")
            await workflow.sleep(pause, summary=f"before {kind} is tried again")
            delivery = await persistently(
                DeliveryActivities.deliver_one, command, f"deliver {kind} again"
            )
            if delivery.status is not DeliveryStatus.PENDING:
                return
        await self._give_up(delivery)

    async def _give_up(self, delivery: Delivery) -> None:
        command = GiveUpDelivery(
            order_id=self._paid.order_id, kind=delivery.kind, error=delivery.detail
        )
        left = await persistently(
            DeliveryActivities.give_up_delivery, command, f"leave {delivery.kind} to a person"
        )
        if left.status is DeliveryStatus.FAILED:
            self._story.tell(f"{left.kind} needs a person: {left.detail}")
            self._failed.add(left.kind)
            workflow.upsert_search_attributes([NEEDS_ATTENTION.value_set(True)])

    def _decided(self, delivery: Delivery, command: DecideDelivery) -> DeliveryStatus:
        self._story.tell(f"{delivery.kind} is {delivery.status} by {command.actor}")
        if delivery.status is not DeliveryStatus.FAILED:
            self._failed.discard(delivery.kind)
        return delivery.status

    async def _wait_for_news(self) -> None:
        open_before = len(self._failed)
        with contextlib.suppress(asyncio.TimeoutError):
            await workflow.wait_condition(
                lambda: self._refund_begun or len(self._failed) < open_before,
                timeout=LOOK_AGAIN,
                timeout_summary="somebody has to decide",
            )
        self._refund_begun = False


class DecidesDeliveries:
    """What operators may say to a workflow while its `_deliveries` wait for a person."""

    _deliveries: Deliveries

    @workflow.update
    async def retry_delivery(self, command: DecideDelivery) -> DeliveryStatus:
        """Try a failed delivery once more."""
        return await self._deliveries.retry(command)

    @retry_delivery.validator
    def _refuse_to_retry(self, command: DecideDelivery) -> None:
        self._deliveries.refuse_unless_failed(command)

    @workflow.update
    async def skip_delivery(self, command: DecideDelivery) -> DeliveryStatus:
        """Let the order go on without a failed delivery."""
        return await self._deliveries.skip(command)

    @skip_delivery.validator
    def _refuse_to_skip(self, command: DecideDelivery) -> None:
        self._deliveries.refuse_unless_failed(command)

    @workflow.signal(description="The order is being given back")
    def refund_begun(self) -> None:
        self._deliveries.note_refund()
