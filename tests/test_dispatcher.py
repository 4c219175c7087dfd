import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import pytest
from redis.asyncio import Redis
from temporalio import workflow
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from dispatcher import MAX_FAILURES, Dispatcher
from domain.attention import Attention, AttentionKind
from domain.ids import new_order_id, workflow_id
from domain.reservation import Intent
from infra.embedded.ports import free_port
from infra.embedded.process import RunningProcess, start, stop
from infra.embedded.temporal import TemporalServer
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database
from infra.redis.intent_entries import Backlog
from infra.redis.intents import GROUP, Intents
from infra.redis.keys import ItemKeys
from infra.redis.stock_gate import StockGate
from infra.settings import Settings
from infra.temporal import NEEDS_ATTENTION, ORDER_STATUS, SALE_ID, SKU_ID, USER_ID
from tests.infra.redis.gate_words import ITEM, eventually, request_for, terms_of
from tests.infra.redis.own_redis import OwnRedis

KEYS = ItemKeys.of(ITEM)
NOTHING_LEFT = Backlog(waiting=0, pending=0, dead=0)


@workflow.defn(name="OrderWorkflow")
class Echo:
    @workflow.run
    async def run(self, intent: Intent) -> Intent:
        return intent


@pytest.fixture
def settings() -> Settings:
    return Settings(task_queue=f"dispatched-{uuid4().hex[:8]}")


@pytest.fixture
def gate(redis: Redis) -> StockGate:
    return StockGate(redis)


@pytest.fixture
def intents(redis: Redis) -> Intents:
    return Intents(redis)


@asynccontextmanager
async def running(dispatcher: Dispatcher) -> AsyncIterator[asyncio.Task[None]]:
    enough = asyncio.Event()
    run = asyncio.create_task(dispatcher.run(enough))
    yield run
    enough.set()
    await run


@asynccontextmanager
async def serving(client: Client, settings: Settings) -> AsyncIterator[None]:
    async with Worker(
        client,
        task_queue=settings.task_queue,
        workflows=[Echo],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        yield


async def accept(gate: StockGate, count: int, *, user_id: str = "") -> list[str]:
    await gate.preheat(terms_of(limit=1000), 1000)
    order_ids = [new_order_id(1, time.time_ns() // 1_000_000) for _ in range(count)]
    await asyncio.gather(
        *(gate.reserve(request_for(order_id, user_id or order_id)) for order_id in order_ids)
    )
    return order_ids


async def all_dispatched(intents: Intents) -> bool:
    left = await eventually(lambda: intents.backlog(ITEM), lambda left: left.waiting == 0)
    return left == NOTHING_LEFT


async def open_attentions(database: Database) -> list[Attention]:
    async with database.transaction() as connection:
        return (await Attentions(connection).open_(None, 100))[0]


class OwnTemporal:
    """A development server on a file, which the test may kill and start again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = TemporalServer(free_port(), free_port(), database=folder / "temporal.db")
        self._running: RunningProcess | None = None

    async def start(self) -> None:
        self._running = await start(self._server, self._folder / "log", die_with_parent=True)

    async def kill(self) -> None:
        if self._running:
            await stop(self._running)

    async def client(self) -> Client:
        return await Client.connect(self._server.address, data_converter=pydantic_data_converter)


@pytest.fixture
async def own_temporal(tmp_path: Path) -> AsyncIterator[OwnTemporal]:
    server = OwnTemporal(tmp_path)
    await server.start()
    yield server
    await server.kill()


class TestStarting:
    async def test_every_accepted_intent_becomes_one_workflow(
        self,
        gate: StockGate,
        intents: Intents,
        temporal_client: Client,
        database: Database,
        settings: Settings,
    ) -> None:
        order_ids = await accept(gate, 100)
        async with (
            serving(temporal_client, settings),
            running(Dispatcher(intents, temporal_client, database, settings)),
        ):
            assert await all_dispatched(intents)
            for order_id in order_ids:
                handle = temporal_client.get_workflow_handle(
                    workflow_id(order_id), result_type=Intent
                )
                started = await handle.result()
                held = await gate.reservation(ITEM, order_id)
                assert held is not None
                assert (started.order_id, started.user_id) == (order_id, order_id)
                assert started.accepted_at_ms == held.reserved_at_ms

    async def test_two_dispatchers_share_the_work(
        self,
        gate: StockGate,
        redis: Redis,
        temporal_client: Client,
        database: Database,
        settings: Settings,
    ) -> None:
        order_ids = await accept(gate, 60)
        one, two = Intents(redis), Intents(redis)
        async with (
            running(Dispatcher(one, temporal_client, database, settings)),
            running(Dispatcher(two, temporal_client, database, settings)),
        ):
            assert await all_dispatched(one)
        for order_id in order_ids:
            await temporal_client.get_workflow_handle(workflow_id(order_id)).describe()

    @pytest.mark.parametrize("ended", [False, True])
    async def test_an_intent_that_comes_twice_is_started_once(
        self,
        gate: StockGate,
        intents: Intents,
        redis: Redis,
        temporal_client: Client,
        database: Database,
        settings: Settings,
        ended: bool,
    ) -> None:
        [order_id] = await accept(gate, 1)
        [(_, fields)] = cast(list[tuple[str, dict[Any, Any]]], await redis.xrange(KEYS.intents))
        handle = temporal_client.get_workflow_handle(workflow_id(order_id))
        async with running(Dispatcher(intents, temporal_client, database, settings)):
            assert await all_dispatched(intents)
            first = await handle.describe()
            if ended:
                await handle.terminate()
            await redis.xadd(KEYS.intents, fields)
            assert await all_dispatched(intents)
        last = await handle.describe()
        assert last.run_id == first.run_id
        assert last.status is (
            WorkflowExecutionStatus.TERMINATED if ended else WorkflowExecutionStatus.RUNNING
        )

    @pytest.mark.parametrize("user_id", ["alice", "a \n `b` 用户 " * 40])
    async def test_a_workflow_says_in_the_ui_what_it_is_about(
        self,
        gate: StockGate,
        intents: Intents,
        temporal_client: Client,
        database: Database,
        settings: Settings,
        user_id: str,
    ) -> None:
        [order_id] = await accept(gate, 1, user_id=user_id)
        async with running(Dispatcher(intents, temporal_client, database, settings)):
            assert await all_dispatched(intents)
        described = await temporal_client.get_workflow_handle(workflow_id(order_id)).describe()
        found = described.typed_search_attributes
        assert (found[SALE_ID], found[SKU_ID]) == (ITEM.sale_id, ITEM.sku_id)
        assert (found[USER_ID], found[ORDER_STATUS]) == (user_id, "queued")
        assert found[NEEDS_ATTENTION] is False
        summary = await described.static_summary()
        assert summary is not None
        assert summary.startswith(f"1 × {ITEM.sku_id} for a")


class TestServersComeAndGo:
    async def test_entries_of_a_dead_consumer_are_started(
        self,
        gate: StockGate,
        intents: Intents,
        temporal_client: Client,
        database: Database,
        settings: Settings,
    ) -> None:
        order_ids = await accept(gate, 10)
        assert len(await intents.read("died in between", 10, 100)) == 10
        async with running(Dispatcher(intents, temporal_client, database, settings, idle_ms=200)):
            assert await all_dispatched(intents)
        for order_id in order_ids:
            await temporal_client.get_workflow_handle(workflow_id(order_id)).describe()

    async def test_entries_wait_while_temporal_is_away_and_start_when_it_is_back(
        self,
        gate: StockGate,
        intents: Intents,
        own_temporal: OwnTemporal,
        database: Database,
        settings: Settings,
    ) -> None:
        client = await own_temporal.client()
        await own_temporal.kill()
        # More than fit in one hand, and let lie long enough to be claimed again and again.
        order_ids = await accept(gate, 80)
        async with running(Dispatcher(intents, client, database, settings, idle_ms=100)):
            taken = await eventually(
                lambda: intents.backlog(ITEM), lambda backlog: backlog.pending >= 64
            )
            assert taken == Backlog(waiting=80, pending=64, dead=0)
            await own_temporal.start()
            assert await all_dispatched(intents)
        for order_id in order_ids:
            await client.get_workflow_handle(workflow_id(order_id)).describe()
        assert await open_attentions(database) == []

    async def test_a_stop_does_not_wait_for_temporal_and_loses_nothing(
        self,
        gate: StockGate,
        intents: Intents,
        own_temporal: OwnTemporal,
        database: Database,
        settings: Settings,
    ) -> None:
        client = await own_temporal.client()
        await own_temporal.kill()
        await accept(gate, 3)
        async with running(Dispatcher(intents, client, database, settings)):
            await eventually(lambda: intents.backlog(ITEM), lambda left: left.pending == 3)
        assert await intents.backlog(ITEM) == Backlog(waiting=3, pending=3, dead=0)
        await own_temporal.start()
        async with running(Dispatcher(intents, client, database, settings, idle_ms=100)):
            assert await all_dispatched(intents)

    async def test_it_goes_on_after_redis_was_away(
        self,
        temporal_client: Client,
        database: Database,
        settings: Settings,
        tmp_path: Path,
    ) -> None:
        own_redis = OwnRedis(tmp_path)
        await own_redis.start()
        gate, intents = StockGate(own_redis.client), Intents(own_redis.client)
        dispatcher = Dispatcher(intents, temporal_client, database, settings, idle_ms=200)
        async with running(dispatcher) as run:
            await accept(gate, 5)
            assert await all_dispatched(intents)
            await own_redis.kill()
            done, _ = await asyncio.wait([run], timeout=1.5)
            assert done == set()
            await own_redis.start()
            [order_id] = await accept(gate, 1)
            assert await all_dispatched(intents)
        await temporal_client.get_workflow_handle(workflow_id(order_id)).describe()
        await own_redis.aclose()

    async def test_stopping_leaves_no_consumer_behind(
        self,
        gate: StockGate,
        intents: Intents,
        redis: Redis,
        temporal_client: Client,
        database: Database,
        settings: Settings,
    ) -> None:
        await accept(gate, 5)
        async with running(Dispatcher(intents, temporal_client, database, settings)):
            assert await all_dispatched(intents)
        assert await redis.xinfo_consumers(KEYS.intents, GROUP) == []


class TestBadEntries:
    async def test_what_says_no_order_is_buried_and_a_person_is_told(
        self,
        gate: StockGate,
        intents: Intents,
        redis: Redis,
        temporal_client: Client,
        database: Database,
        settings: Settings,
    ) -> None:
        await gate.preheat(terms_of(), 100)
        await redis.xadd(KEYS.intents, {"junk\x00": "\x00", "order_id": "x" * 99})
        [order_id] = await accept(gate, 1)
        async with running(Dispatcher(intents, temporal_client, database, settings)):
            left = await eventually(lambda: intents.backlog(ITEM), lambda left: left.waiting == 0)
        assert left == Backlog(waiting=0, pending=0, dead=1)
        await temporal_client.get_workflow_handle(workflow_id(order_id)).describe()
        [attention] = await open_attentions(database)
        [dead] = [dead async for dead in intents.dead(ITEM)]
        assert attention.kind is AttentionKind.DEAD_INTENT
        assert attention.subject == f"{ITEM.sale_id}:{ITEM.sku_id}:{dead.entry_id}"
        assert dead.fields["order_id"] == "x" * 99

    async def test_what_temporal_refuses_again_and_again_is_buried(
        self,
        gate: StockGate,
        intents: Intents,
        temporal_client: Client,
        database: Database,
        settings: Settings,
    ) -> None:
        [good] = await accept(gate, 1)
        [bad] = await accept(gate, 1, user_id="too long for a search attribute" * 200)
        async with running(Dispatcher(intents, temporal_client, database, settings, idle_ms=60)):
            left = await eventually(lambda: intents.backlog(ITEM), lambda left: left.waiting == 0)
        assert left == Backlog(waiting=0, pending=0, dead=1)
        await temporal_client.get_workflow_handle(workflow_id(good)).describe()
        with pytest.raises(RPCError):
            await temporal_client.get_workflow_handle(workflow_id(bad)).describe()
        [attention] = await open_attentions(database)
        assert (attention.kind, attention.order_id) == (AttentionKind.DEAD_INTENT, bad)

    async def test_a_refused_entry_is_tried_some_times_before_it_is_buried(
        self,
        gate: StockGate,
        intents: Intents,
        temporal_client: Client,
        database: Database,
        settings: Settings,
    ) -> None:
        await accept(gate, 1, user_id="too long for a search attribute" * 200)
        async with running(Dispatcher(intents, temporal_client, database, settings)):
            await eventually(lambda: intents.backlog(ITEM), lambda left: left.pending == 1)
        [entry] = await intents.claim_from_dead("looking", 0, 10)
        assert 1 <= entry.failures < MAX_FAILURES
        assert await open_attentions(database) == []

    async def test_nothing_is_buried_while_nobody_can_be_told(
        self,
        gate: StockGate,
        intents: Intents,
        redis: Redis,
        temporal_client: Client,
        settings: Settings,
    ) -> None:
        await gate.preheat(terms_of(), 100)
        await redis.xadd(KEYS.intents, {"junk": "1"})
        away = Database.connect(f"postgresql://nobody@127.0.0.1:{free_port()}/nothing")
        async with running(Dispatcher(intents, temporal_client, away, settings)):
            await eventually(lambda: intents.backlog(ITEM), lambda left: left.pending == 1)
        assert await intents.backlog(ITEM) == Backlog(waiting=1, pending=1, dead=0)
        await away.aclose()
