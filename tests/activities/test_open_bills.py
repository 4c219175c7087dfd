"""Which days' bills still wait to be compared."""

from datetime import UTC, date, datetime, timedelta

from temporalio.testing import ActivityEnvironment

from activities.bills import BillRef
from activities.open_bills import AT_ONCE, LOOK_BACK, ListOpenBills, OpenBillActivities
from domain.bill import BillCheck
from domain.payment import PaymentMethod
from infra.postgres.bills import Bills
from infra.postgres.engine import Database

DAY = date(2026, 3, 2)


async def _compared(database: Database, method: PaymentMethod, day: date) -> None:
    check = BillCheck(
        method=method,
        day=day,
        checked_at=datetime(2026, 3, 3, tzinfo=UTC),
        lines=0,
        matched=0,
        repaired=0,
        mismatches=0,
    )
    async with database.transaction() as connection:
        await Bills(connection).save(check)


async def test_each_providers_days_wait_and_only_so_many_at_once(database: Database) -> None:
    await _compared(database, PaymentMethod.ALIPAY, DAY - timedelta(days=9))
    await _compared(database, PaymentMethod.WECHATPAY, DAY - timedelta(days=2))
    await _compared(database, PaymentMethod.WECHATPAY, DAY - LOOK_BACK - timedelta(days=1))
    activities = OpenBillActivities(database, PaymentMethod)

    found = await ActivityEnvironment().run(activities.list_open_bills, ListOpenBills(before=DAY))

    alipay = [
        BillRef(method=PaymentMethod.ALIPAY, day=DAY - timedelta(days=8 - number))
        for number in range(AT_ONCE)
    ]
    wechatpay = BillRef(method=PaymentMethod.WECHATPAY, day=DAY - timedelta(days=1))
    assert found.bills == (*alipay, wechatpay)
