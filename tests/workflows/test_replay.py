"""Orders that wait since before a deployment go on after it: stored histories still replay."""

import json

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from infra.temporal import DATA_CONVERTER
from tests.branches import BRANCHES, Branch
from tests.workflows.record_histories import HISTORIES, history_of
from worker import WORKFLOW_RUNNER, WORKFLOWS


@pytest.mark.parametrize("branch", BRANCHES, ids=lambda branch: branch.name)
async def test_a_stored_history_still_replays(branch: Branch) -> None:
    history = WorkflowHistory.from_json("order-of-old", history_of(branch).read_text())
    replayer = Replayer(
        workflows=WORKFLOWS,
        workflow_runner=WORKFLOW_RUNNER,
        data_converter=DATA_CONVERTER,
    )
    result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
    assert result.replay_failure is None


def test_every_stored_history_belongs_to_a_branch() -> None:
    assert {path.name for path in HISTORIES.glob("*.json")} == {
        history_of(branch).name for branch in BRANCHES
    }


@pytest.mark.parametrize("branch", BRANCHES, ids=lambda branch: branch.name)
def test_a_history_is_short_and_keeps_no_secret(branch: Branch) -> None:
    text = history_of(branch).read_text()
    assert len(json.loads(text)["events"]) < 100
    assert "PRIVATE KEY" not in text
