"""What Temporal's search is told of an order, where each change has its price, and what its UI
shows, where others' words do nothing."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from redis.asyncio import Redis
from temporalio import workflow
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from domain.states import OrderStatus
from infra.postgres.engine import Database
from infra.temporal.client import ORDER_STATUS, PAYMENT_METHOD
from tests.support.faults import Fault, FaultPlan
from tests.support.shop import Shop, open_shop
from tests.support.skipping import skip_until
from workflows.details import FIRST_LINES, LAST_LINES, Details
from workflows.order import OrderWorkflow
from workflows.updates import CancelOrder


def test_of_very_many_lines_the_first_and_the_last_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(workflow, "now", lambda: datetime(2026, 11, 11, tzinfo=UTC))
    monkeypatch.setattr(workflow, "set_current_details", shown.append)
    details = Details("one teapot")
    for number in range(2_000):
        details.add(f"asked {number}")

    lines = shown[-1].splitlines()
    assert lines[:3] == ["### one teapot", "", "- 00:00:00 asked 0"]
    assert lines[-1] == "- 00:00:00 asked 1999"
    assert f"- … {2_000 - FIRST_LINES - LAST_LINES} lines are left out" in lines
    assert len(lines) == 3 + FIRST_LINES + LAST_LINES


async def told(handle: WorkflowHandle[Any, Any]) -> list[str]:
    """The statuses search was told after the start."""
    upserts = [
        event.upsert_workflow_search_attributes_event_attributes.search_attributes.indexed_fields
        async for event in handle.fetch_history_events()
        if event.HasField("upsert_workflow_search_attributes_event_attributes")
    ]
    # The SDK upserts as well, to name the patches of a run.
    name = ORDER_STATUS.name
    return [json.loads(fields[name].data) for fields in upserts if name in fields]


async def test_with_nothing_failing_search_is_told_of_the_end_alone(shop: Shop) -> None:
    handle = await shop.start(await shop.intent())
    await shop.pay(handle)
    await handle.result()

    assert await told(handle) == ["fulfilled"]
    known = (await handle.describe()).typed_search_attributes
    assert (known[ORDER_STATUS], known[PAYMENT_METHOD]) == ("fulfilled", "alipay")


@pytest.mark.parametrize("step", ["reserve_stock", "place_order"])
async def test_an_order_that_is_held_up_is_found_as_queued_meanwhile(
    database: Database, redis: Redis, time_skipping: WorkflowEnvironment, step: str
) -> None:
    faults = FaultPlan()
    async with (
        open_shop(database, redis, time_skipping.client) as shop,
        shop.worker(interceptors=[faults]),
    ):
        intent = await shop.intent()
        faults.plan(intent.order_id, step, Fault.ALWAYS)
        handle = await shop.start(intent)

        async def is_queued() -> bool:
            return await told(handle) == ["queued"]

        await skip_until(time_skipping, is_queued)
        faults.planned.clear()

        assert await shop.cancel(handle) is OrderStatus.CANCELLED
        await handle.result()
        assert await told(handle) == ["queued", "pending_payment", "cancelled"]


async def test_what_others_say_is_quoted_and_names_them(shop: Shop) -> None:
    link = "[Refund failed: sign in again](https://evil.example/temporal)"
    handle = await shop.start(await shop.intent(f"ada {link}"))
    cancel = CancelOrder(actor="buyer:`ada", reason=f"{link}\n# `{link}")
    await handle.execute_update(OrderWorkflow.cancel, cancel)
    await handle.result()

    shown = await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)

    title, *_, last = shown.current_details.splitlines()
    assert title == f"### 1 × {shop.item.sku_id} for `ada {link}`"
    assert last.endswith(f" `buyer:'ada` says `{link} # '{link}`")
