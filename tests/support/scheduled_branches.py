"""The branches of what schedules start: bills, upkeep, archiving and retirement."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

from temporalio.client import WorkflowHandle

from activities.archive import Archived
from activities.notices import Relayed
from activities.retirement import Retired
from domain.bill import BillFault, day_of, start_of
from domain.payment import PaymentMethod
from tests.support.bookkeeper import DAY, Bookkeeper
from tests.support.shop import PRICE, Shop
from workflows.archive import ARCHIVE_ID, ArchiveWorkflow, KeepFor
from workflows.audit import AuditWorkflow
from workflows.bills import BillsOutcome, ReconcileBills
from workflows.reconcile import ReconcileWorkflow
from workflows.retirement import RETIREMENT_ID, RetireAfter, RetirementWorkflow
from workflows.sweep import SweepWorkflow
from workflows.upkeep import UPKEEP_ID, UpkeepWorkflow

Handle = WorkflowHandle[Any, Any]


@dataclass(frozen=True)
class ScheduledBranch:
    name: str
    begin: Callable[[Shop], Awaitable[Handle]]
    is_as_planned: Callable[[Any], bool]

    async def play(self, shop: Shop) -> Handle:
        """From beginning to end. Raises RuntimeError when it ends otherwise."""
        handle = await self.begin(shop)
        outcome = await handle.result()
        if not self.is_as_planned(outcome):
            raise RuntimeError(f"{self.name} ended with {outcome}")
        return handle


# Each has a day of its own, because all are compared with one ledger.


async def _books_that_agree(shop: Shop) -> Handle:
    keeper = Bookkeeper(shop)
    keeper.bills(await keeper.books("ada"))
    return await keeper.starts(_alipay(DAY))


async def _a_wrong_amount(shop: Shop) -> Handle:
    keeper, day = Bookkeeper(shop), DAY + timedelta(days=7)
    noon = start_of(day) + timedelta(hours=12)
    keeper.bills(await keeper.books("bob", noon), noon, PRICE - 1)
    return await keeper.starts(_alipay(day))


async def _a_missed_notice(shop: Shop) -> Handle:
    order = await shop.start(await shop.intent())
    payment = await shop.begin_payment(order)
    paid_at = shop.alipay.pay(payment.payment_id).paid_at
    return await Bookkeeper(shop).starts(_alipay(day_of(paid_at)))


async def _one_bill_is_refused(shop: Shop) -> Handle:
    shop.wechatpay.declines_bills = True
    return await Bookkeeper(shop).starts(ReconcileBills())


async def _a_day_was_missed(shop: Shop) -> Handle:
    keeper = Bookkeeper(shop)
    await keeper.reconciles(day_of(datetime.now(UTC)) - timedelta(days=3))
    return await keeper.starts(ReconcileBills())


def _alipay(day: date) -> ReconcileBills:
    return ReconcileBills(day=day, method=PaymentMethod.ALIPAY)


def _checked(*faults: BillFault, repaired: int = 0) -> Callable[[BillsOutcome], bool]:
    def is_as_planned(outcome: BillsOutcome) -> bool:
        found = [mismatch.fault for check in outcome.checks for mismatch in check.sample]
        return (found, sum(check.repaired for check in outcome.checks)) == ([*faults], repaired)

    return is_as_planned


async def _upkeep(shop: Shop) -> Handle:
    queue = shop.settings.task_queue
    return await shop.client.start_workflow(
        UpkeepWorkflow.run, id=f"{UPKEEP_ID}-{uuid4().hex}", task_queue=queue
    )


async def _archive(shop: Shop) -> Handle:
    queue = shop.settings.task_queue
    return await shop.client.start_workflow(
        ArchiveWorkflow.run, KeepFor(days=30), id=ARCHIVE_ID, task_queue=queue
    )


async def _retire(shop: Shop) -> Handle:
    queue = shop.settings.task_queue
    return await shop.client.start_workflow(
        RetirementWorkflow.run, RetireAfter(hours=24), id=RETIREMENT_ID, task_queue=queue
    )


async def _sweep(shop: Shop) -> Handle:
    return await _starts(shop, SweepWorkflow.run)


async def _reconcile(shop: Shop) -> Handle:
    return await _starts(shop, ReconcileWorkflow.run)


async def _audit(shop: Shop) -> Handle:
    return await _starts(shop, AuditWorkflow.run)


async def _starts(shop: Shop, round_: Any) -> Handle:
    queue = shop.settings.task_queue
    return await shop.client.start_workflow(round_, id=f"round-{uuid4().hex}", task_queue=queue)


SCHEDULED_BRANCHES = (
    ScheduledBranch("bills that agree", _books_that_agree, _checked()),
    ScheduledBranch("bills with a missed notice", _a_missed_notice, _checked(repaired=1)),
    ScheduledBranch("bills that differ", _a_wrong_amount, _checked(BillFault.WRONG_AMOUNT)),
    ScheduledBranch(
        "bills of yesterday without one", _one_bill_is_refused, _checked(BillFault.NO_BILL)
    ),
    ScheduledBranch(
        "bills of a day that was missed",
        _a_day_was_missed,
        lambda outcome: len(outcome.checks) == 3,
    ),
    ScheduledBranch("upkeep", _upkeep, lambda relayed: relayed == Relayed()),
    ScheduledBranch("upkeep of what is left", _upkeep, lambda relayed: relayed == Relayed()),
    ScheduledBranch("archiving", _archive, lambda archived: archived == Archived()),
    ScheduledBranch("sweeping", _sweep, lambda swept: swept.failed == ()),
    ScheduledBranch("reconciling", _reconcile, lambda done: done.left == 0),
    ScheduledBranch("auditing", _audit, lambda audited: audited.audit_id != ""),
    ScheduledBranch("retirement", _retire, lambda retired: retired == Retired()),
)
