"""A workflow's history: run again with the code as it is now, and read."""

import json
from typing import Any

from temporalio.client import WorkflowHandle, WorkflowHistory
from temporalio.worker import Interceptor, Replayer

from infra.temporal.client import DATA_CONVERTER
from side_queues import SALE_WORKFLOWS, WORKFLOW_RUNNER
from worker import WORKFLOWS


async def replay(history: WorkflowHistory, *interceptors: Interceptor) -> Exception | None:
    """Why the history does not replay; None when it does."""
    replayer = Replayer(
        workflows=[*WORKFLOWS, *SALE_WORKFLOWS],
        workflow_runner=WORKFLOW_RUNNER,
        data_converter=DATA_CONVERTER,
        interceptors=interceptors,
    )
    return (await replayer.replay_workflow(history, raise_on_replay_failure=False)).replay_failure


async def steps_of(handle: WorkflowHandle[Any, Any]) -> list[str]:
    """The activities that the workflow's history tells of, in their order, local or not."""
    steps = []
    for event in (await handle.fetch_history()).events:
        scheduled = event.activity_task_scheduled_event_attributes.activity_type.name
        marker = event.marker_recorded_event_attributes.details.get("data")
        if scheduled:
            steps.append(scheduled)
        elif marker and b'"activity_type"' in marker.payloads[0].data:
            steps.append(json.loads(marker.payloads[0].data)["activity_type"])
    return steps
