"""All a dispatcher stands between, and the ways a test looks at it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis.asyncio import Redis
from temporalio import workflow
from temporalio.client import Client, WorkflowExecutionDescription
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from dispatching.dispatcher import Dispatcher
from domain.attention import Attention
from domain.ids import new_order_id, workflow_id
from domain.reservation import Intent
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database
from infra.redis.intent_groups import ALIVE_MS
from infra.redis.intents import Intents
from infra.redis.stock_gate import StockGate
from infra.settings import Settings
from infra.temporal.client import connect_temporal
from practice.stack.ports import free_port
from practice.stack.process import RunningProcess, start, stop
from practice.stack.temporal import TemporalServer
from tests.support.gate import Backlog, backlog_of, eventually, request_for, terms_of
from workflow_client import WorkflowClient


@workflow.defn(name="OrderWorkflow")
class Echo:
    @workflow.run
    async def run(self, intent: Intent) -> Intent:
        return intent


@dataclass
class Line:
    redis: Redis
    client: Client
    database: Database
    settings: Settings

    def __post_init__(self) -> None:
        self.gate = StockGate(self.redis)
        self.intents = Intents(self.redis)
        self.workflows = WorkflowClient(self.client, self.settings.task_queue)

    async def accept(self, count: int, *, user_id: str = "") -> list[str]:
        """Orders the gate accepts now; each user is named like the order unless told."""
        await self.gate.preheat(terms_of(limit=1000), 1000)
        order_ids = [new_order_id(1, time.time_ns() // 1_000_000) for _ in range(count)]
        requests = (request_for(order_id, user_id or order_id) for order_id in order_ids)
        await asyncio.gather(*(self.gate.reserve(request) for request in requests))
        return order_ids

    @asynccontextmanager
    async def dispatching(self, *, alive_ms: int = ALIVE_MS) -> AsyncIterator[asyncio.Task[None]]:
        enough = asyncio.Event()
        dispatcher = Dispatcher(self.redis, self.database, alive_ms=alive_ms)
        async with dispatcher.placing(enough):
            run = asyncio.create_task(dispatcher.start_workflows(self.workflows, enough))
            try:
                yield run
            finally:
                # One that outlives a failed test takes what the next ones accept.
                enough.set()
                await run

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        async with Worker(
            self.client,
            task_queue=self.settings.task_queue,
            workflows=[Echo],
            workflow_runner=UnsandboxedWorkflowRunner(),
        ):
            yield

    async def backlog_once(self, *, waiting: int | None = None, pending: int = 0) -> Backlog:
        """The backlog when it is as named, or as it is when the patience is up."""
        return await eventually(
            lambda: backlog_of(self.redis),
            lambda left: left.pending >= pending and waiting in (None, left.waiting),
        )

    async def drained(self) -> bool:
        return await self.backlog_once(waiting=0) == Backlog(waiting=0, pending=0, dead=0)

    async def described(self, order_id: str) -> WorkflowExecutionDescription:
        """Raises RPCError when no workflow was started for the order."""
        return await self.client.get_workflow_handle(workflow_id(order_id)).describe()

    async def open_attentions(self) -> list[Attention]:
        async with self.database.transaction() as connection:
            return (await Attentions(connection).open_(None, 100))[0]


class OwnTemporal:
    """A development server on a file, which the test may kill and start again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = TemporalServer(free_port(), free_port(), database=folder / "temporal.db")
        self._running: RunningProcess | None = None

    @property
    def address(self) -> str:
        return self._server.address

    async def start(self) -> None:
        self._running = await start(self._server, self._folder / "log", die_with_parent=True)

    async def stop(self) -> None:
        if self._running:
            await stop(self._running)

    async def client(self) -> Client:
        """As production connects: with its few retries, so that being away is noticed soon."""
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("TEMPORAL_ADDRESS", self._server.address)
            return await connect_temporal()
