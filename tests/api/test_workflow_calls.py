"""How failures of a workflow, and of Temporal, become what the API says."""

import asyncio
import gc
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast

import pytest
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.client import WorkflowUpdateRPCTimeoutOrCancelledError as RPCTimeout
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from api import workflow_calls
from api.workflow_calls import NoAnswerYet, NoMoreUpdates, NotRunning, NotTaken, WorkflowCalls
from domain.errors import ErrorCode, Refusal
from domain.reservation import Intent
from workflows.bills import ReconcileBills, ReconcileBillsWorkflow
from workflows.order import OrderWorkflow
from workflows.updates import CancelOrder

GONE = RPCError("gone", RPCStatusCode.NOT_FOUND, b"")
FAILED = RPCStatusCode.FAILED_PRECONDITION
AWAY = RPCError("away", RPCStatusCode.UNAVAILABLE, b"")


def said_no(*causes: BaseException) -> WorkflowUpdateFailedError:
    for outer, inner in pairwise(causes):
        outer.__cause__ = inner
    return WorkflowUpdateFailedError(causes[0])


class Temporal:
    """A client: `taken` comes of giving an update, `answer` of waiting for what it says."""

    def __init__(self, *, taken: object = None, answer: object = None) -> None:
        self._taken = taken
        self._answer = answer
        self.started: dict[str, Any] = {}

    def get_workflow_handle(self, _workflow_id: str) -> "Temporal":
        return self

    async def start_update(self, *_arguments: Any, **_more: Any) -> Any:
        await self._give(self._taken)
        return SimpleNamespace(result=self.result)

    async def result(self, **_more: Any) -> object:
        return await self._give(self._answer)

    async def start_workflow(self, *_arguments: Any, **more: Any) -> object:
        self.started = more
        return await self._give(self._taken)

    async def _give(self, answer: object) -> object:
        if answer == "never":
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError as error:
                # As the SDK does.
                raise RPCTimeout from error
        if isinstance(answer, BaseException):
            raise answer
        return answer


def calls(temporal: Temporal) -> WorkflowCalls:
    return WorkflowCalls(cast(Client, temporal), "queue")


async def told(temporal: Temporal) -> object:
    return await calls(temporal).update(
        "order-1", OrderWorkflow.cancel, taken_within=0.01, answered_within=0.01
    )


async def test_the_answer_of_an_update_comes_back() -> None:
    assert await told(Temporal(answer="cancelled")) == "cancelled"


@pytest.mark.parametrize("when", ["taken", "answer"])
async def test_a_workflow_that_says_no_is_quoted(when: str) -> None:
    no = said_no(
        RuntimeError("somewhere on the way"),
        ApplicationError("too late", {"order_status": "paid"}, type="INVALID_STATE"),
    )
    with pytest.raises(Refusal) as refusal:
        await told(Temporal(**{when: no}))

    assert refusal.value.code is ErrorCode.INVALID_STATE
    assert refusal.value.detail == "too late"
    assert refusal.value.extra == {"order_status": "paid"}


@pytest.mark.parametrize("cause", [ApplicationError("?", type="Surprise"), RuntimeError("?")])
async def test_a_no_of_no_code_of_ours_is_to_be_tried_again(cause: BaseException) -> None:
    with pytest.raises(Refusal) as refusal:
        await told(Temporal(answer=said_no(cause)))

    assert refusal.value.code is ErrorCode.UNAVAILABLE
    assert "?" not in refusal.value.detail


@pytest.mark.parametrize("when", ["taken", "answer"])
async def test_updates_that_are_used_up_are_told_apart_from_code_that_fails(when: str) -> None:
    too_many = "The limit on the total number of distinct updates in this workflow has been reached"
    with pytest.raises(NoMoreUpdates):
        await told(Temporal(**{when: RPCError(too_many, FAILED, b"")}))
    with pytest.raises(Refusal) as refusal:
        await told(Temporal(**{when: RPCError("Workflow Task in failed state.", FAILED, b"")}))
    assert refusal.value.code is ErrorCode.UNAVAILABLE


@pytest.mark.parametrize("when", ["taken", "answer"])
async def test_no_workflow_is_told_apart_from_no_temporal(when: str) -> None:
    with pytest.raises(NotRunning):
        await told(Temporal(**{when: GONE}))
    with pytest.raises(Refusal) as refusal:
        await told(Temporal(**{when: AWAY}))
    assert refusal.value.code is ErrorCode.UNAVAILABLE


async def test_an_answer_is_waited_for_so_long_however_many_polls_come_to_nothing() -> None:
    with pytest.raises(NoAnswerYet):
        await told(Temporal(answer="never"))


async def test_an_update_that_no_worker_took_is_told_apart_from_one_that_takes_long() -> None:
    with pytest.raises(NotTaken):
        await told(Temporal(taken=RPCTimeout()))
    with pytest.raises(NoAnswerYet) as late:
        await told(Temporal(answer=RPCTimeout()))
    assert not isinstance(late.value, NotTaken)


async def test_a_temporal_that_was_never_reached_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workflow_calls, "CONNECT_SECONDS", 0.05)

    for failure in ("never", RuntimeError("cannot connect")):
        with pytest.raises(Refusal) as refusal:
            await told(Temporal(taken=failure))
        assert refusal.value.code is ErrorCode.UNAVAILABLE


async def start(temporal: Temporal) -> object:
    return await calls(temporal).start(
        ReconcileBillsWorkflow.run, ReconcileBills(), workflow_id="bills", summary="bills"
    )


async def test_a_workflow_is_started_or_joined() -> None:
    temporal = Temporal(taken="handle")

    assert await start(temporal) == "handle"
    assert temporal.started["id"] == "bills"
    assert temporal.started["task_queue"] == "queue"
    assert temporal.started["id_conflict_policy"] is WorkflowIDConflictPolicy.USE_EXISTING


@pytest.mark.parametrize("failure", [AWAY, RuntimeError("cannot connect"), TimeoutError()])
async def test_what_cannot_be_started_is_to_be_tried_again(failure: BaseException) -> None:
    with pytest.raises(Refusal) as refusal:
        await start(Temporal(taken=failure))
    assert refusal.value.code is ErrorCode.UNAVAILABLE


async def test_a_start_that_failed_beside_its_update_is_told_once(temporal_client: Client) -> None:
    """The SDK keeps the error a second time, and Python would log it whole, at some later time."""
    complaints: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    intent = Intent(order_id="none", sale_id="s", sku_id="k", user_id="ada", quantity=1)
    calls = WorkflowCalls(temporal_client, "a queue nobody serves")

    try:
        with pytest.raises(NotTaken):
            await calls.update(
                "order-none",
                OrderWorkflow.cancel,
                CancelOrder(actor="buyer:ada", reason="no"),
                taken_within=0.2,
                answered_within=1,
                start=intent,
            )
        gc.collect()
        await asyncio.sleep(0)
    finally:
        loop.set_exception_handler(None)

    assert complaints == []
