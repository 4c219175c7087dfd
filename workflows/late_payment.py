"""An order that was given up and paid all the same, taken up again where its sale wants that."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.late_payments import LatePayment, LatePaymentActivities
    from activities.stock import ReleaseStock, StockActivities
    from domain.payment import Receipt
    from domain.reservation import Intent
    from workflows.details import Story
    from workflows.policies import persistently
    from workflows.saga import Saga


class LateOrder:
    """Redis first, because it is asked by every click; Postgres decides; then Redis is told."""

    def __init__(self, order_id: str, receipt: Receipt, story: Story) -> None:
        self._late = LatePayment(order_id=order_id, receipt=receipt)
        self._story = story

    async def take_up(self) -> bool:
        """True once the order is paid and owns its stock; False when the money has to go back."""
        late = await persistently(
            LatePaymentActivities.consider_late_payment, self._late, "may the order still be had?"
        )
        return late.intent is not None and await self._take_stock_or_none(late.intent)

    async def _take_stock_or_none(self, intent: Intent) -> bool:
        saga = Saga()
        saga.before_doing(lambda: self._release(intent))
        if await self._take_stock(intent):
            saga.pass_point_of_no_return()
            await persistently(StockActivities.confirm_stock, intent, "mark stock as sold again")
            self._story.tell("the order is paid late, and honoured")
            return True
        await saga.compensate()
        self._story.tell("the stock is gone meanwhile")
        return False

    async def _take_stock(self, intent: Intent) -> bool:
        if not await persistently(StockActivities.reclaim_stock, intent, "take the stock again"):
            return False
        honoured = await persistently(
            LatePaymentActivities.honour_late_payment, self._late, "settle the late payment"
        )
        return honoured.accepted

    async def _release(self, intent: Intent) -> None:
        release = ReleaseStock(intent=intent, for_good=True)
        await persistently(StockActivities.release_stock, release, "give stock back")
