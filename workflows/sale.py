"""A sale from its publication to its report: it sells by itself, and this makes sure of its end."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.sale_cancellations import SaleCancellationActivities, UndoOrders, WalkCursor
    from activities.sales import CloseSale, SaleActivities, SaleLook, SaleRef, WriteReport
    from domain.model import Value
    from domain.sale_report import EndVerdict
    from domain.states import AT_THE_GATE, SaleStatus
    from infra.temporal.client import NEEDS_ATTENTION, SALE_STATUS
    from workflows.details import Details
    from workflows.policies import run_until_done, wait_until

# Who changes a sale's window says so. Where that was lost, it is seen within so long.
LOOK_EVERY = timedelta(minutes=15)
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=1), timedelta(minutes=1)
# Between two steps of the walk that begin refunds.
QUEUE_PAUSE = timedelta(seconds=1)
WALK_TIMEOUT = timedelta(minutes=2)
AUDIT_TIMEOUT = timedelta(minutes=20)
# Far below the server's limit: a longer run is replayed whole whenever a worker takes it up.
LONG_HISTORY = 2_000


def sale_workflow_id(sale_id: str) -> str:
    return f"sale-{sale_id}"


class SaleRun(Value):
    """`after`, `found`: where a walk over a cancelled sale's orders was, and what this pass of it
    had found, when the run before this one ended."""

    sale_id: str
    after: WalkCursor | None = None
    found: int = 0


class SaleOutcome(Value):
    """`report`: the version that stands; 0 where there is nothing to report."""

    sale_id: str
    status: SaleStatus | None
    report: int = 0


@workflow.defn
class SaleWorkflow:
    """One sale. Whatever it does is read from the stores and may be done twice, so a run that is
    lost is simply begun anew."""

    @workflow.init
    def __init__(self, run: SaleRun) -> None:
        self._sale = SaleRef(sale_id=run.sale_id)
        self._after, self._found = run.after, run.found
        self._details = Details(f"Sale {run.sale_id}")
        self._changed = False

    @workflow.run
    async def run(self, run: SaleRun) -> SaleOutcome:
        status = await self._follow_to_its_end()
        if status is SaleStatus.CLOSED:
            status = await self._settle()
        if status is SaleStatus.CANCELLED:
            await self._undo_its_orders()
        if status not in (SaleStatus.SETTLED, SaleStatus.CANCELLED):
            return SaleOutcome(sale_id=run.sale_id, status=status)
        report = await self._report()
        return SaleOutcome(sale_id=run.sale_id, status=status, report=report)

    # The steps, in their order.

    async def _follow_to_its_end(self) -> SaleStatus | None:
        """Until it is closed, or somebody has cancelled it."""
        pause = FIRST_PAUSE
        while True:
            seen = await self._look()
            if seen.status not in AT_THE_GATE or seen.ends_at is None:
                return self._enter(seen.status)
            self._enter(seen.status)
            if seen.is_over:
                close = CloseSale(sale_id=self._sale.sale_id, ends_at=seen.ends_at)
                after = await run_until_done(SaleActivities.close_sale, close, "close the sale")
                if after.status not in AT_THE_GATE:
                    return self._enter(after.status)
                self._details.add("its window was changed meanwhile")
            elif seen.seconds_left:
                pause = FIRST_PAUSE
                self._details.add(f"its end, by the gate's clock, is in {seen.seconds_left:.0f} s")
                # A little later: who comes at the very moment would have to come again.
                left = timedelta(seconds=seen.seconds_left) + FIRST_PAUSE
                await self._rest(min(left, LOOK_EVERY), "until the sale's end")
            else:
                self._details.add(f"over, and {seen.waiting} accepted, {seen.dead} dead still wait")
                await self._rest(pause, "until all that was accepted has arrived")
                pause = min(2 * pause, LONGEST_PAUSE)

    async def _look(self) -> SaleLook:
        # Before it looks: what changes while it does is looked at once more.
        self._changed = False
        return await run_until_done(SaleActivities.look_at_sale, self._sale, "is it over?")

    async def _settle(self) -> SaleStatus | None:
        """Until each order is decided, or somebody has cancelled the sale after its end."""
        pause = FIRST_PAUSE
        while True:
            self._changed = False
            seen = await run_until_done(
                SaleActivities.settle_sale, self._sale, "is every order decided?"
            )
            if seen.status is not SaleStatus.CLOSED:
                return self._enter(seen.status)
            self._details.add(f"{seen.unfinished} orders are queued or wait to be paid")
            left = timedelta(seconds=seen.seconds_left)
            await self._rest(min(max(left, pause), LOOK_EVERY), "until the last order is decided")
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _undo_its_orders(self) -> None:
        """Until a whole pass over its orders has found nothing to do. Refunds that are under way
        are not waited for."""
        steps, sale_id = SaleCancellationActivities, self._sale.sale_id
        await run_until_done(steps.stop_selling, self._sale, "stop the gate")
        pause = FIRST_PAUSE
        while True:
            self._changed = False
            step = UndoOrders(sale_id=sale_id, after=self._after)
            undone = await run_until_done(
                steps.undo_orders,
                step,
                "give up what is unpaid, give back what is paid",
                WALK_TIMEOUT,
            )
            if undone.is_paused:
                self._details.add("paused by an operator")
                await self._rest(LOOK_EVERY, "until an operator resumes it")
                continue
            self._after, self._found = undone.after, self._found + undone.found
            if undone.found:
                self._details.add(
                    f"{undone.given_up} orders are given up, {undone.given_back} given back"
                )
            if undone.after is None:
                if not self._found:
                    break
                self._found = 0
                await self._rest(pause, "until what was begun is seen")
                # A provider may be away for hours, and each pass tells its orders once more.
                pause = min(2 * pause, LOOK_EVERY)
            elif undone.is_full or undone.given_back:
                # What was begun is counted once it is on record, a moment later.
                await self._rest(QUEUE_PAUSE, "until refunds are on record, and asked for")
        finished = await run_until_done(steps.finish_cancellation, self._sale, "all is begun")
        self._details.add(
            f"{finished.done} orders are undone, {finished.to_do} on their way, "
            f"{finished.failed} wait for a person"
        )
        if finished.failed:
            workflow.upsert_search_attributes([NEEDS_ATTENTION.value_set(True)])

    async def _report(self) -> int:
        command = WriteReport(sale_id=self._sale.sale_id, verdict=await self._audit())
        report = await run_until_done(SaleActivities.write_report, command, "write the report")
        self._details.add(
            f"report {report.version}: {report.sold} sold; still open: "
            f"{report.open_deliveries} deliveries, {report.open_refunds} refunds, "
            f"{report.open_attentions} attentions"
        )
        return report.version

    async def _audit(self) -> EndVerdict | None:
        try:
            verdict = await workflow.execute_activity_method(
                SaleActivities.audit_end,
                self._sale,
                start_to_close_timeout=AUDIT_TIMEOUT,
                heartbeat_timeout=timedelta(seconds=30),
                # The report does not wait for ever for it, and says that there was none.
                retry_policy=RetryPolicy(maximum_attempts=3),
                summary="do all stores agree?",
            )
        except ActivityError:
            self._details.add("no audit could be made")
            return None
        found = "all stores agree" if verdict.ok else f"not proved: {', '.join(verdict.broken)}"
        self._details.add(f"audit {verdict.audit_id}: {found}")
        return verdict

    # What callers may say.

    @workflow.signal(description="The sale was changed: look again")
    def sale_changed(self) -> None:
        self._changed = True

    # How it waits.

    async def _rest(self, at_most: timedelta, why: str) -> None:
        """Until somebody says that the sale was changed. May begin a new run instead."""
        info = workflow.info()
        if info.is_continue_as_new_suggested() or info.get_current_history_length() > LONG_HISTORY:
            workflow.continue_as_new(
                SaleRun(sale_id=self._sale.sale_id, after=self._after, found=self._found)
            )
        await wait_until(workflow.now() + at_most, lambda: self._changed, why)

    def _enter(self, status: SaleStatus | None) -> SaleStatus | None:
        if status and workflow.info().typed_search_attributes.get(SALE_STATUS) != status:
            workflow.upsert_search_attributes([SALE_STATUS.value_set(status)])
            self._details.add(f"it is {status}")
        return status
