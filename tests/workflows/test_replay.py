"""What runs since before a deployment goes on after it: stored histories still replay."""

import inspect
import json
import pkgutil
import re
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.worker import (
    ExecuteWorkflowInput,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

import activities
from domain.refund import Refund
from infra.temporal.client import DATA_CONVERTER
from side_queues import SALE_WORKFLOWS
from tests.support.record_histories import ALL_BRANCHES, HISTORIES, Played, history_of
from tests.support.replaying import replay
from worker import WORKFLOWS
from workflows.bills import ReconcileBillsWorkflow
from workflows.refund import RefundWorkflow

every_branch = pytest.mark.parametrize("branch", ALL_BRANCHES, ids=lambda branch: branch.name)


def stored(path: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json("story-of-old", path.read_text())


@every_branch
async def test_a_stored_history_still_replays(branch: Played) -> None:
    assert await replay(stored(history_of(branch))) is None


class OneMoreStep(Interceptor):
    """Each workflow as if somebody had put a new first step into it."""

    def workflow_interceptor_class(
        self, input: WorkflowInterceptorClassInput
    ) -> type[WorkflowInboundInterceptor]:
        return _PausesFirst


class _PausesFirst(WorkflowInboundInterceptor):
    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:
        await workflow.sleep(1)
        return await super().execute_workflow(input)


@every_branch
async def test_no_stored_history_replays_with_one_more_step(branch: Played) -> None:
    failure = await replay(stored(history_of(branch)), OneMoreStep())

    assert isinstance(failure, workflow.NondeterminismError)


async def test_a_refund_that_tells_its_buyer_too_early_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    move_money = RefundWorkflow._move_money

    async def tell_and_move_money(self: RefundWorkflow, refund: Refund) -> None:
        await self._tell_buyer(refund)
        await move_money(self, refund)

    monkeypatch.setattr(RefundWorkflow, "_move_money", tell_and_move_money)

    failure = await replay(stored(HISTORIES / "refund_at_once.json"))

    assert isinstance(failure, workflow.NondeterminismError)


async def test_bills_that_are_compared_without_repairs_are_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def repair_nothing(*_: object) -> int:
        return 0

    monkeypatch.setattr(ReconcileBillsWorkflow, "_repair", repair_nothing)

    failure = await replay(stored(HISTORIES / "bills_that_agree.json"))

    assert isinstance(failure, workflow.NondeterminismError)


@every_branch
def test_what_a_step_was_told_by_an_earlier_release_is_still_understood(branch: Played) -> None:
    """A step that waits on the server is carried out by whoever takes it up."""
    for event in stored(history_of(branch)).events:
        told = event.activity_task_scheduled_event_attributes
        if told.activity_type.name and told.input.payloads:
            kind = inputs_of_activities()[told.activity_type.name]
            DATA_CONVERTER.payload_converter.from_payloads(told.input.payloads, [kind])


@cache
def inputs_of_activities() -> dict[str, type]:
    classes = (
        kind
        for module in pkgutil.iter_modules(activities.__path__)
        for _, kind in inspect.getmembers(import_module(f"activities.{module.name}"))
        if inspect.isclass(kind) and kind.__name__.endswith("Activities")
    )
    return {
        name: hints[0]
        for kind in classes
        for name, step in inspect.getmembers(kind, inspect.isfunction)
        if hasattr(step, "__temporal_activity_definition")
        and (hints := [hint for key, hint in get_type_hints(step).items() if key != "return"])
    }


def test_each_branch_has_a_stored_history_and_each_history_a_branch() -> None:
    named = [history_of(branch).name for branch in ALL_BRANCHES]

    assert sorted(named) == sorted(path.name for path in HISTORIES.glob("*.json"))


def test_every_workflow_of_the_worker_has_a_stored_history() -> None:
    first_events = (json.loads(path.read_text())["events"][0] for path in HISTORIES.glob("*.json"))
    started = {
        event["workflowExecutionStartedEventAttributes"]["workflowType"]["name"]
        for event in first_events
    }

    assert started == {registered.__name__ for registered in (*WORKFLOWS, *SALE_WORKFLOWS)}


@every_branch
def test_a_history_is_short_and_keeps_no_secret(branch: Played) -> None:
    text = history_of(branch).read_text()
    assert len(json.loads(text)["events"]) < 100
    assert "PRIVATE KEY" not in text


@pytest.mark.parametrize(
    ("branch", "most"), [("few_steps_and_settled_ahead", 14), ("few_events_and_timed_out", 16)]
)
def test_an_order_costs_few_events(branch: str, most: int) -> None:
    history = json.loads((HISTORIES / f"{branch}.json").read_text())
    assert len(history["events"]) <= most


@every_branch
def test_a_history_does_not_tell_where_it_was_recorded(branch: Played) -> None:
    text = history_of(branch).read_text()
    assert set(re.findall(r'"identity": "([^"]*)"', text)) == {"recorder"}
    assert "stackTrace" not in text
