import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import pytest
from redis.asyncio import Redis
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError

from dispatching.starter import AT_ONCE, MAX_FAILURES
from domain.attention import AttentionKind
from domain.ids import workflow_id
from domain.reservation import Intent
from infra.postgres.engine import Database
from infra.redis.intent_groups import Group
from infra.redis.keys import ItemKeys
from infra.settings import Settings
from infra.temporal.client import NEEDS_ATTENTION, ORDER_STATUS, SALE_ID, SKU_ID, USER_ID
from practice.stack.ports import free_port
from tests.support.dispatch_line import Line, OwnTemporal
from tests.support.gate import ITEM, Backlog, backlog_of, put_in_stream, terms_of
from tests.support.intent_groups import gone, reading
from tests.support.own_redis import OwnRedis

KEYS = ItemKeys.of(ITEM)


@pytest.fixture
def line(redis: Redis, temporal_client: Client, database: Database) -> Line:
    settings = Settings(task_queue=f"dispatched-{uuid4().hex[:8]}")
    return Line(redis, temporal_client, database, settings)


@pytest.fixture
async def own_temporal(tmp_path: Path) -> AsyncIterator[OwnTemporal]:
    server = OwnTemporal(tmp_path)
    await server.start()
    yield server
    await server.stop()


class TestStarting:
    async def test_every_accepted_intent_becomes_one_workflow(self, line: Line) -> None:
        order_ids = await line.accept(100)
        async with (
            line.serving(),
            line.dispatching(),
        ):
            assert await line.drained()
            for order_id in order_ids:
                handle = line.client.get_workflow_handle(workflow_id(order_id), result_type=Intent)
                started = await handle.result()
                held = await line.gate.reservation(ITEM, order_id)
                assert held is not None
                assert (started.order_id, started.user_id) == (order_id, order_id)
                assert started.accepted_at_ms == held.reserved_at_ms

    async def test_two_dispatchers_share_the_work(self, line: Line) -> None:
        order_ids = await line.accept(60)
        async with (
            line.dispatching(),
            line.dispatching(),
        ):
            assert await line.drained()
        for order_id in order_ids:
            await line.described(order_id)

    @pytest.mark.parametrize("ended", [False, True])
    async def test_an_intent_that_comes_twice_is_started_once(
        self, line: Line, ended: bool
    ) -> None:
        [order_id] = await line.accept(1)
        [(_, fields)] = cast(
            list[tuple[str, dict[Any, Any]]], await line.redis.xrange(KEYS.intents)
        )
        handle = line.client.get_workflow_handle(workflow_id(order_id))
        async with line.dispatching():
            assert await line.drained()
            first = await handle.describe()
            if ended:
                await handle.terminate()
            await put_in_stream(line.redis, fields)
            assert await line.drained()
        last = await handle.describe()
        assert last.run_id == first.run_id
        assert last.status is (
            WorkflowExecutionStatus.TERMINATED if ended else WorkflowExecutionStatus.RUNNING
        )

    @pytest.mark.parametrize("user_id", ["alice", "a \n `b` 用户 " * 40])
    async def test_a_workflow_says_in_the_ui_what_it_is_about(
        self, line: Line, user_id: str
    ) -> None:
        [order_id] = await line.accept(1, user_id=user_id)
        async with line.dispatching():
            assert await line.drained()
        described = await line.described(order_id)
        found = described.typed_search_attributes
        assert (found[SALE_ID], found[SKU_ID]) == (ITEM.sale_id, ITEM.sku_id)
        assert (found[USER_ID], found[ORDER_STATUS]) == (user_id, "pending_payment")
        assert found[NEEDS_ATTENTION] is False
        summary = await described.static_summary()
        assert summary is not None
        assert summary.startswith(f"1 × {ITEM.sku_id} for `a")


class TestServersComeAndGo:
    async def test_entries_of_a_dead_consumer_are_started(self, line: Line) -> None:
        order_ids = await line.accept(10)
        for group in Group:
            dead = reading(line.redis, group, "died in between")
            assert len(await dead.read(10, 100)) == 10
            await gone(line.redis, group, "died in between")
        async with line.dispatching(alive_ms=200):
            assert await line.drained()
        for order_id in order_ids:
            await line.described(order_id)

    async def test_entries_wait_while_temporal_is_away_and_start_when_it_is_back(
        self, line: Line, own_temporal: OwnTemporal
    ) -> None:
        line = replace(line, client=await own_temporal.client())
        await own_temporal.stop()
        # More than fit in one hand, and let lie long enough to be claimed again and again.
        order_ids = await line.accept(80)
        async with line.dispatching(alive_ms=100):
            taken = await line.backlog_once(pending=AT_ONCE)
            assert taken == Backlog(waiting=80, pending=AT_ONCE, dead=0)
            await own_temporal.start()
            assert await line.drained()
        for order_id in order_ids:
            await line.described(order_id)
        assert await line.open_attentions() == []

    async def test_a_stop_does_not_wait_for_temporal_and_loses_nothing(
        self, line: Line, own_temporal: OwnTemporal
    ) -> None:
        line = replace(line, client=await own_temporal.client())
        await own_temporal.stop()
        await line.accept(3)
        async with line.dispatching():
            await line.backlog_once(pending=3)
        assert await backlog_of(line.redis) == Backlog(waiting=3, pending=3, dead=0)
        await own_temporal.start()
        async with line.dispatching(alive_ms=100):
            assert await line.drained()

    async def test_it_goes_on_after_redis_was_away(self, line: Line, tmp_path: Path) -> None:
        own_redis = OwnRedis(tmp_path)
        await own_redis.start()
        line = replace(line, redis=own_redis.client)
        async with line.dispatching(alive_ms=200) as run:
            await line.accept(5)
            assert await line.drained()
            await own_redis.kill()
            done, _ = await asyncio.wait([run], timeout=1.5)
            assert done == set()
            await own_redis.start()
            [order_id] = await line.accept(1)
            assert await line.drained()
        await line.described(order_id)
        await own_redis.aclose()

    async def test_stopping_leaves_no_consumer_behind(self, line: Line) -> None:
        await line.accept(5)
        async with line.dispatching():
            assert await line.drained()
        for group in Group:
            assert await line.redis.xinfo_consumers(KEYS.intents, group) == []


class TestBadEntries:
    async def test_what_says_no_order_is_buried_and_a_person_is_told(self, line: Line) -> None:
        await line.gate.preheat(terms_of(), 100)
        await put_in_stream(line.redis, {"junk\x00": "\x00", "order_id": "x" * 99})
        [order_id] = await line.accept(1)
        async with line.dispatching():
            left = await line.backlog_once(waiting=0)
        assert left == Backlog(waiting=0, pending=0, dead=1)
        await line.described(order_id)
        [attention] = await line.open_attentions()
        [dead] = [dead async for dead in line.intents.dead(ITEM)]
        assert attention.kind is AttentionKind.DEAD_INTENT
        assert attention.subject == f"{ITEM.sale_id}:{ITEM.sku_id}:{dead.entry_id}"
        assert dead.fields["order_id"] == "x" * 99

    async def test_what_temporal_refuses_again_and_again_is_buried(self, line: Line) -> None:
        [good] = await line.accept(1)
        [bad] = await line.accept(1, user_id="too long for a search attribute" * 200)
        async with line.dispatching(alive_ms=60):
            left = await line.backlog_once(waiting=0)
        assert left == Backlog(waiting=0, pending=0, dead=1)
        await line.described(good)
        with pytest.raises(RPCError):
            await line.described(bad)
        [attention] = await line.open_attentions()
        assert (attention.kind, attention.order_id) == (AttentionKind.DEAD_INTENT, bad)

    async def test_a_refused_entry_is_tried_some_times_before_it_is_buried(
        self, line: Line
    ) -> None:
        await line.accept(1, user_id="too long for a search attribute" * 200)
        async with line.dispatching():
            await line.backlog_once(pending=1)
        [entry] = await reading(line.redis, Group.START, "looking").take_over(10)
        assert 1 <= entry.failures < MAX_FAILURES
        assert await line.open_attentions() == []

    async def test_nothing_is_buried_while_nobody_can_be_told(self, line: Line) -> None:
        await line.gate.preheat(terms_of(), 100)
        await put_in_stream(line.redis, {"junk": "1"})
        away = Database.connect(f"postgresql://nobody@127.0.0.1:{free_port()}/nothing")
        async with replace(line, database=away).dispatching():
            await line.backlog_once(pending=1)
        for group in Group:
            left = await backlog_of(line.redis, group=group)
            assert left == Backlog(waiting=1, pending=1, dead=0)
        await away.aclose()
