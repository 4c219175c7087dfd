"""The daily archiving, as its schedule starts it."""

from activities.archive import Archived
from domain.states import OrderStatus
from tests.support.shop import Shop
from workflows.archive import ARCHIVE_ID, ArchiveWorkflow, KeepFor


async def test_a_fresh_order_keeps_its_deliveries_where_they_are(shop: Shop) -> None:
    handle = await shop.start(intent := await shop.intent())
    await shop.pay(handle)
    assert (await handle.result()).status is OrderStatus.FULFILLED

    archived = await shop.client.execute_workflow(
        ArchiveWorkflow.run,
        KeepFor(days=30),
        id=ARCHIVE_ID,
        task_queue=shop.settings.task_queue,
    )

    assert archived == Archived()
    assert len((await shop.dossier(intent.order_id)).deliveries) == 3
