"""Days whose bills still wait: those never compared, and those that had none the last time."""

from collections.abc import Iterable
from datetime import date, timedelta

from temporalio import activity

from activities.bills import BillRef
from domain.model import Value
from domain.payment import PaymentMethod
from infra.postgres.bills import Bills
from infra.postgres.engine import Database

# Both providers keep their bills for three months; ours are a month's affair.
LOOK_BACK = timedelta(days=30)
# In one round and for one provider: each of them is fetched and compared whole.
AT_ONCE = 5


class ListOpenBills(Value):
    """Of days before `before`."""

    before: date


class OpenBills(Value):
    bills: tuple[BillRef, ...]


class OpenBillActivities:
    def __init__(self, database: Database, billers: Iterable[PaymentMethod]) -> None:
        self._database = database
        self._billers = sorted(method for method in billers if method is not PaymentMethod.POINTS)

    @activity.defn
    async def list_open_bills(self, command: ListOpenBills) -> OpenBills:
        """For each provider the days that wait, the least tried first, so that one which never
        has a bill keeps no other back."""
        bills: list[BillRef] = []
        async with self._database.transaction() as connection:
            for method in self._billers:
                days = await Bills(connection).open_days(
                    method, command.before - LOOK_BACK, command.before
                )
                bills += [BillRef(method=method, day=day) for day in days[:AT_ONCE]]
        return OpenBills(bills=tuple(bills))
