"""What workflows hear of our processes, on a real Temporal."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from temporalio import workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from domain.ids import new_order_id, workflow_id
from domain.notice import RefundReport
from domain.payment import PaymentMethod, Receipt
from domain.refund import RefundReason, RefundRequest
from domain.reservation import Intent
from infra.settings import Settings
from practice.stack.ports import free_port
from practice.stack.temporal import TemporalServer
from tests.support.polling import until
from tests.support.servers import running
from workflow_client import SUMMARY_BYTES, WorkflowClient, connect_workflows

TELL_AT_ONCE = "system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute=1"


@pytest.fixture
def workflows(temporal_client: Client) -> WorkflowClient:
    """Nobody serves their queue: what is started runs, and waits."""
    return WorkflowClient(temporal_client, f"unserved-{uuid4().hex[:8]}")


@pytest.fixture
def intent() -> Intent:
    return Intent(
        order_id=new_order_id(1, int(datetime.now(UTC).timestamp() * 1000)),
        sale_id="noon",
        sku_id="mug",
        user_id="ada",
        quantity=2,
        accepted_at_ms=1,
    )


@pytest.fixture
def handle(temporal_client: Client, intent: Intent) -> WorkflowHandle[object, object]:
    return temporal_client.get_workflow_handle(workflow_id(intent.order_id))


def receipt_for(order_id: str) -> Receipt:
    return Receipt(
        method=PaymentMethod.ALIPAY,
        payment_id=f"{order_id}A1",
        trade_no=f"T{order_id}",
        amount=8800,
        paid_at=datetime.now(UTC),
    )


def refund_for(order_id: str) -> RefundRequest:
    return RefundRequest(
        order_id=order_id,
        receipt=receipt_for(order_id),
        amount=8800,
        currency="CNY",
        reason=RefundReason.LATE_PAYMENT,
        note="too late",
        actor="system",
    )


async def signals_of(handle: WorkflowHandle[object, object]) -> list[str]:
    history = await handle.fetch_history()
    signalled = [event.workflow_execution_signaled_event_attributes for event in history.events]
    return [attributes.signal_name for attributes in signalled if attributes.signal_name]


async def test_an_order_is_started_once_however_often_it_is_asked_for(
    workflows: WorkflowClient, intent: Intent, handle: WorkflowHandle[object, object]
) -> None:
    await asyncio.gather(*(workflows.start_order(intent) for _ in range(3)))
    first = (await handle.describe()).run_id

    await handle.terminate()
    await workflows.start_order(intent)

    assert (await handle.describe()).run_id == first


async def test_an_order_is_started_again_only_where_it_failed_on_its_way(
    workflows: WorkflowClient, intent: Intent, handle: WorkflowHandle[object, object]
) -> None:
    assert await workflows.start_order_again(intent) is True
    assert await workflows.start_order_again(intent) is False

    await handle.terminate()

    assert await workflows.start_order_again(intent) is True


async def test_a_payment_is_told_to_the_order_that_runs_and_to_no_other(
    workflows: WorkflowClient, intent: Intent, handle: WorkflowHandle[object, object]
) -> None:
    receipt = receipt_for(intent.order_id)
    assert await workflows.tell_of_payment(intent.order_id, receipt) is False

    await workflows.start_order(intent)
    assert await workflows.tell_of_payment(intent.order_id, receipt) is True
    assert await signals_of(handle) == ["payment_noticed"]

    await handle.terminate()
    assert await workflows.tell_of_payment(intent.order_id, receipt) is False


async def test_a_payment_of_an_order_in_hand_is_told_to_a_workflow_that_has_not_begun(
    workflows: WorkflowClient, intent: Intent, handle: WorkflowHandle[object, object]
) -> None:
    receipt = receipt_for(intent.order_id)
    assert await workflows.tell_of_payment(intent.order_id, receipt, intent) is True
    assert await workflows.tell_of_payment(intent.order_id, receipt, intent) is True
    # Started by the first, and not by whoever starts it in its turn.
    await workflows.start_order(intent)
    assert await signals_of(handle) == ["payment_noticed"] * 2

    await handle.terminate()
    assert await workflows.tell_of_payment(intent.order_id, receipt, intent) is True
    assert await signals_of(handle) == ["payment_noticed"]
    await handle.terminate()


async def test_a_refund_is_started_once_and_told_what_its_provider_says(
    workflows: WorkflowClient, intent: Intent, temporal_client: Client
) -> None:
    request = refund_for(intent.order_id)
    news = RefundReport(
        refund_id=request.refund_id,
        payment_id=request.receipt.payment_id,
        amount=8800,
        succeeded=True,
    )
    assert await workflows.tell_of_refund(PaymentMethod.ALIPAY, news) is False

    assert await workflows.start_refund(request) is True
    assert await workflows.start_refund(request) is False
    assert await workflows.tell_of_refund(PaymentMethod.ALIPAY, news) is True

    refund = temporal_client.get_workflow_handle(request.workflow_id)
    assert await signals_of(refund) == ["refund_noticed"]


async def test_an_audit_hears_who_runs_and_what_became_of_the_others(
    workflows: WorkflowClient, intent: Intent, handle: WorkflowHandle[object, object]
) -> None:
    name = workflow_id(intent.order_id)

    async def is_listed() -> bool:
        return intent.order_id in [order_id async for order_id in workflows.running_orders()]

    assert await workflows.ended([name]) == {name: "does not exist"}
    await workflows.start_order(intent)
    assert await workflows.ended([name]) == {}
    await until(is_listed)
    await handle.terminate()
    assert await workflows.ended([name]) == {name: "has ended (terminated)"}


@workflow.defn
class Broken:
    @workflow.run
    async def run(self) -> None:
        raise RuntimeError("a bug in the code of the workflow")


@pytest.mark.servers
async def test_an_audit_hears_of_workflows_that_cannot_go_on(tmp_path: Path) -> None:
    server = TemporalServer(free_port(), free_port(), dynamic_config=(TELL_AT_ONCE,))
    async with running(server, tmp_path) as address:
        client = await Client.connect(address)
        broken = Worker(
            client, task_queue="q", workflows=[Broken], workflow_runner=UnsandboxedWorkflowRunner()
        )
        async with broken:
            await client.start_workflow(Broken.run, id="order-X", task_queue="q")
            workflows = WorkflowClient(client, "q")

            async def named() -> dict[str, str]:
                return {name: problem async for name, problem in workflows.failing()}

            assert "WorkflowTaskFailed" in (await until(named))["order-X"]


async def test_a_process_starts_while_temporal_is_away_and_hears_of_it_at_the_first_call(
    monkeypatch: pytest.MonkeyPatch, intent: Intent
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", f"127.0.0.1:{free_port()}")

    workflows = await connect_workflows(Settings())

    with pytest.raises((RPCError, RuntimeError)):
        await workflows.start_order(intent)


async def test_the_buyers_name_is_quoted_in_temporals_lists(
    workflows: WorkflowClient, temporal_client: Client, intent: Intent
) -> None:
    link = "[sign in](https://evil.example)"
    named = intent.model_copy(update={"user_id": link + "x" * 200})

    await workflows.start_order(named)

    handle = temporal_client.get_workflow_handle(workflow_id(intent.order_id))
    summary = await (await handle.describe()).static_summary()
    assert summary is not None
    assert summary.startswith(f"2 × mug for `{link}xxx")
    assert summary.endswith("x`")
    assert len(summary.encode()) == SUMMARY_BYTES
