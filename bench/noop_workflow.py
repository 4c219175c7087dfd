"""The yardstick for orders: a workflow that does nothing."""

from temporalio import workflow


@workflow.defn
class NoopWorkflow:
    @workflow.run
    async def run(self, number: int) -> int:
        return number
