"""Bill reconciliation: each provider's bill of one day beside our ledger, once a day."""

import asyncio
from datetime import date, timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy, SearchAttributeKey
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.bills import BillActivities, BillRef, ConcludeBill, MissBill
    from activities.open_bills import ListOpenBills, OpenBillActivities
    from domain.bill import BillCheck, day_of
    from domain.model import Value
    from domain.payment import PaymentMethod
    from workflows.policies import ENDLESS_RETRIES, STEP_TIMEOUT, run_until_done

BILLS_ID = "bills"
# Temporal says with each scheduled run when it was due.
DUE_AT = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")

# Providers are late at times; the next day's run should find this one over.
BILL_PATIENCE = timedelta(hours=20)
# One that was not there on its own day is asked for again each day, and not waited for.
SECOND_LOOK = timedelta(minutes=10)
OPEN_DAYS = "bills-of-open-days"
BILL_RETRIES = RetryPolicy(
    initial_interval=timedelta(seconds=10),
    maximum_interval=timedelta(minutes=10),
    non_retryable_error_types=["Declined"],
)
ONE_TRY = timedelta(minutes=30)
SILENCE = timedelta(seconds=30)
# How long orders are given to take the payments they were told of, before each further look.
SETTLING = (timedelta(seconds=2), timedelta(seconds=30), timedelta(minutes=5))


class ReconcileBills(Value):
    """`day` None: the day before this run was due. `method` None: every provider."""

    day: date | None = None
    method: PaymentMethod | None = None


class BillsOutcome(Value):
    day: date
    checks: tuple[BillCheck, ...]


def bills_workflow_id(day: date, method: PaymentMethod | None = None) -> str:
    return f"{BILLS_ID}-{day}-{method}" if method else f"{BILLS_ID}-{day}"


@workflow.defn
class ReconcileBillsWorkflow:
    """One day's bills. Harmless to run again: what is settled meanwhile stops being raised."""

    @workflow.run
    async def run(self, command: ReconcileBills) -> BillsOutcome:
        # A scheduled run that is caught up late still is for the day before it was due.
        due_at = workflow.info().typed_search_attributes.get(DUE_AT) or workflow.now()
        day = command.day or day_of(due_at) - timedelta(days=1)
        if command.method:
            methods: tuple[PaymentMethod, ...] = (command.method,)
        else:
            billers = await workflow.execute_activity_method(
                BillActivities.list_billers,
                start_to_close_timeout=STEP_TIMEOUT,
                summary="which providers make bills",
            )
            methods = billers.methods
        bills = [BillRef(method=method, day=day) for method in methods]
        # Side by side, because one provider's bill may be hours late.
        steps = [self._reconcile(bill, BILL_PATIENCE) for bill in bills]
        if command.day is None and workflow.patched(OPEN_DAYS):
            checks, later = await asyncio.gather(asyncio.gather(*steps), self._make_up_for(day))
        else:
            checks, later = await asyncio.gather(*steps), []
        return BillsOutcome(day=day, checks=(*checks, *later))

    async def _make_up_for(self, day: date) -> list[BillCheck]:
        """Bills of days before, on which nothing ran, or which had none the last time."""
        waiting = await workflow.execute_activity_method(
            OpenBillActivities.list_open_bills,
            ListOpenBills(before=day),
            start_to_close_timeout=STEP_TIMEOUT,
            summary="which earlier days still wait",
        )
        return await asyncio.gather(*(self._reconcile(bill, SECOND_LOOK) for bill in waiting.bills))

    async def _reconcile(self, bill: BillRef, patience: timedelta) -> BillCheck:
        try:
            await self._fetch(bill, patience)
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            miss = MissBill(bill=bill, checked_at=workflow.now())
            return await run_until_done(BillActivities.miss_bill, miss, f"no {bill.method} bill")
        missed = await self._repair(bill)
        command = ConcludeBill(bill=bill, checked_at=workflow.now(), missed=missed)
        return await workflow.execute_activity_method(
            BillActivities.conclude_bill,
            command,
            start_to_close_timeout=ONE_TRY,
            heartbeat_timeout=SILENCE,
            retry_policy=ENDLESS_RETRIES,
            summary=f"compare the {bill.method} bill",
        )

    async def _fetch(self, bill: BillRef, patience: timedelta) -> None:
        await workflow.execute_activity_method(
            BillActivities.fetch_bill,
            bill,
            start_to_close_timeout=ONE_TRY,
            schedule_to_close_timeout=patience,
            heartbeat_timeout=SILENCE,
            retry_policy=BILL_RETRIES,
            summary=f"fetch the {bill.method} bill of {bill.day}",
        )

    async def _repair(self, bill: BillRef) -> int:
        """How many payments our ledger had missed at first; what still is missing in the end,
        the comparison finds."""
        missed = 0
        for pause in SETTLING:
            repairs = await workflow.execute_activity_method(
                BillActivities.repair_bill,
                bill,
                start_to_close_timeout=ONE_TRY,
                heartbeat_timeout=SILENCE,
                retry_policy=ENDLESS_RETRIES,
                summary=f"make up for notices missed from {bill.method}",
            )
            missed = max(missed, repairs.missed)
            if not (repairs.told or repairs.unanswered):
                break
            await workflow.sleep(pause, summary="orders take what they were told of")
        return missed
