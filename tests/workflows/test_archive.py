"""The daily archiving, as its schedule starts it."""

from temporalio.testing import WorkflowEnvironment

from activities.archive import ArchiveActivities, Archived
from domain.states import OrderStatus
from infra.postgres.engine import Database
from tests.shop import Shop
from worker import build_worker, collect_activities
from workflows.archive import ARCHIVE_ID, ArchiveWorkflow, KeepFor


async def test_a_fresh_order_keeps_its_deliveries_where_they_are(
    shop: Shop, database: Database, time_skipping: WorkflowEnvironment
) -> None:
    handle = await shop.start(intent := await shop.intent())
    await shop.pay(handle)
    assert (await handle.result()).status is OrderStatus.FULFILLED

    settings = shop.settings.model_copy(update={"task_queue": f"{shop.settings.task_queue}-a"})
    activities = collect_activities(ArchiveActivities(database))
    async with build_worker(time_skipping.client, settings, activities):
        archived = await time_skipping.client.execute_workflow(
            ArchiveWorkflow.run, KeepFor(days=30), id=ARCHIVE_ID, task_queue=settings.task_queue
        )

    assert archived == Archived()
    assert len((await shop.dossier(intent.order_id)).deliveries) == 3
