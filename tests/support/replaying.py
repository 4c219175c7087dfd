"""Running a workflow's history again, with the code as it is now."""

from temporalio.client import WorkflowHistory
from temporalio.worker import Interceptor, Replayer

from infra.temporal.client import DATA_CONVERTER
from worker import WORKFLOW_RUNNER, WORKFLOWS


async def replay(history: WorkflowHistory, *interceptors: Interceptor) -> Exception | None:
    """Why the history does not replay; None when it does."""
    replayer = Replayer(
        workflows=WORKFLOWS,
        workflow_runner=WORKFLOW_RUNNER,
        data_converter=DATA_CONVERTER,
        interceptors=interceptors,
    )
    return (await replayer.replay_workflow(history, raise_on_replay_failure=False)).replay_failure
