"""Workflows on workers that are in no deployment."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from temporalio.common import VersioningBehavior
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner


class Unversioned(WorkflowRunner):
    """Runs them as `runner` does, and says nothing of versions: from an unversioned worker the
    server takes no task of a workflow that says whether it is pinned."""

    def __init__(self, runner: WorkflowRunner) -> None:
        self._runner = runner

    def prepare_workflow(self, defn: Any) -> None:
        self._runner.prepare_workflow(defn)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        defn = replace(det.defn, versioning_behavior=VersioningBehavior.UNSPECIFIED)
        return self._runner.create_instance(replace(det, defn=defn))

    def set_worker_level_failure_exception_types(
        self, types: Sequence[type[BaseException]]
    ) -> None:
        self._runner.set_worker_level_failure_exception_types(types)
