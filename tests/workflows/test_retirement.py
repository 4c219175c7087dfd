"""The retirement of items, as its schedule starts it."""

from activities.retirement import Retired
from domain.reservation import GateVerdict
from tests.support.shop import Shop
from workflows.retirement import RETIREMENT_ID, RetireAfter, RetirementWorkflow


async def test_an_item_on_sale_stays_at_the_gate(shop: Shop) -> None:
    retired = await shop.client.execute_workflow(
        RetirementWorkflow.run,
        RetireAfter(hours=0),
        id=RETIREMENT_ID,
        task_queue=shop.settings.task_queue,
    )

    assert retired == Retired()
    assert (await shop.click("ada")).verdict is GateVerdict.RESERVED
