"""What a process keeps open while it serves: Redis, Postgres, and the payment providers."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from redis.asyncio import Redis

from domain.payment import PaymentMethod
from infra.gateways.protocol import Gateway
from infra.gateways.registry import open_gateways
from infra.postgres.address import PostgresAddress
from infra.postgres.engine import Database
from infra.redis.client import connect_redis
from infra.redis.order_changes import ChangeAnnouncer
from infra.settings import Settings


@dataclass(frozen=True)
class Stores:
    redis: Redis
    database: Database


def refuse_unusable_addresses(settings: Settings) -> None:
    """Raises UnusableSetting for what `open_stores` would not open, before anything is begun."""
    connect_redis(settings)
    PostgresAddress.parse(settings.postgres_dsn)


@asynccontextmanager
async def open_stores(settings: Settings) -> AsyncIterator[Stores]:
    """One pool of each for the whole process. Nothing is connected yet, so a store that is away
    fails whoever needs it, and not the start. Raises UnusableSetting for an address of no use."""
    async with AsyncExitStack() as closing:
        redis = connect_redis(settings)
        closing.push_async_callback(redis.aclose)
        announcer = ChangeAnnouncer(redis)
        closing.push_async_callback(announcer.aclose)
        database = Database.connect(
            settings.postgres_dsn,
            pool_size=settings.postgres_pool_size,
            timeout_seconds=settings.postgres_timeout_seconds,
            pooler=settings.postgres_pooler,
            announce=announcer.announce,
        )
        closing.push_async_callback(database.aclose)
        yield Stores(redis=redis, database=database)


@asynccontextmanager
async def open_providers(
    settings: Settings, database: Database
) -> AsyncIterator[dict[PaymentMethod, Gateway]]:
    """The gateways of this installation, one per method. Raises UnusableKey for a provider whose
    key cannot be read."""
    async with AsyncExitStack() as closing:
        gateways = open_gateways(settings, database)
        for gateway in gateways.values():
            closing.push_async_callback(gateway.aclose)
        yield gateways
