"""Money for an order that was given up: the order is had after all, where its sale wants that."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.late_payments import LatePayment, LatePaymentActivities
    from activities.stock import ReleaseStock, StockActivities
    from domain.reservation import StockReturn
    from workflows.details import Details
    from workflows.policies import run_until_done
    from workflows.saga import Saga


async def try_to_honour(late: LatePayment, details: Details) -> bool:
    """True once the order is paid and owns its stock; False when the money has to go back."""
    considered = await run_until_done(
        LatePaymentActivities.consider_late_payment, late, "may the order still be had?"
    )
    intent = considered.intent
    if intent is None:
        return False
    saga = Saga()
    undo = ReleaseStock(intent=intent, how=StockReturn.UNDO_RECLAIM)
    saga.before_doing(
        lambda: run_until_done(StockActivities.release_stock, undo, "release the stock")
    )
    # Redis first, because it is asked by every click; Postgres decides; then Redis is told.
    if await run_until_done(StockActivities.reclaim_stock, intent, "take the stock again"):
        honoured = await run_until_done(
            LatePaymentActivities.honour_late_payment, late, "settle the late payment"
        )
        if honoured.accepted:
            saga.pass_point_of_no_return()
            await run_until_done(StockActivities.confirm_stock, intent, "mark stock as sold again")
            details.add("the order is paid late, and honoured")
            return True
    # Also when nothing was reclaimed: an earlier try of it may still be on its way.
    await saga.compensate()
    details.add("the stock is gone meanwhile")
    return False


async def goes_on_as_order(late: LatePayment) -> bool:
    """Whether the honoured order's own workflow sees to what is still owed. The one that honoured
    it can end then: it has the name of the order's refund, which could not begin beside it."""
    if not workflow.patched("honoured-order-goes-on"):
        return False
    going_on = await run_until_done(
        LatePaymentActivities.go_on_as_order, late, "let the order go on"
    )
    return going_on.taken_up
