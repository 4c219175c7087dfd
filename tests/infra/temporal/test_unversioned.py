"""What a workflow says of versions stays with its worker where that is in no deployment."""

from uuid import uuid4

from temporalio import workflow
from temporalio.client import Client
from temporalio.common import VersioningBehavior
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from infra.settings import Settings
from infra.temporal.deployment import deployment_config
from infra.temporal.unversioned import Unversioned


@workflow.defn(versioning_behavior=VersioningBehavior.PINNED)
class Pinned:
    @workflow.run
    async def run(self) -> str:
        return "done"


async def test_a_pinned_workflow_runs_on_an_unversioned_worker(temporal_client: Client) -> None:
    queue = f"unversioned-{uuid4().hex[:8]}"
    async with Worker(
        temporal_client,
        task_queue=queue,
        workflows=[Pinned],
        workflow_runner=Unversioned(UnsandboxedWorkflowRunner()),
        deployment_config=deployment_config(Settings()),
    ):
        assert (
            await temporal_client.execute_workflow(Pinned.run, id=queue, task_queue=queue) == "done"
        )
