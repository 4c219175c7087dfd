"""A try that was cut off leaves word of how far it came."""

from dataclasses import replace

from temporalio.testing import ActivityEnvironment

from activities.bill_progress import BillProgress
from domain.bill import ComparedLine
from domain.payment import FlowKind


async def test_the_next_try_goes_on_from_where_the_last_one_came() -> None:
    line = ComparedLine(kind=FlowKind.RECEIVED, reference="T1", payment_id="P1", amount=8800)
    done = BillProgress(last=line, missed=3, told=2, unanswered=1)
    environment = ActivityEnvironment()

    assert environment.run(BillProgress.of_the_last_try) == BillProgress()
    environment.info = replace(environment.info, heartbeat_details=[done.as_details()])
    assert environment.run(BillProgress.of_the_last_try) == done
