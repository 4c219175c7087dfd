"""Start the whole system: empty stores, a Temporal of its own, and all that is served."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pydantic import BaseModel, SecretStr
from redis.asyncio import Redis

from api.app import create_app
from infra.gateways.breaker import BreakerGateway
from infra.postgres.engine import Database
from infra.settings import Settings
from practice.provider.server import create_app as create_provider
from practice.stack.loopback import loopback_http
from tests.support.http_server import bound_socket, serving, url_of
from tests.support.merchant_shop import alipay_of, wechatpay_of
from tests.support.servers import own_temporal
from tests.support.stores import empty_stores
from tests.support.whole_system import JWT_SECRET, RestartableWorker, WholeSystem

# Providers' pauses between notices become fractions of a second.
NOTIFY_RETRY_SCALE = 0.001
# How long our side waits before it asks a provider again: after a refund, and after a breaker
# has opened.
FIRST_LOOK = timedelta(seconds=2)
BREAKER_OPEN_SECONDS = 2.0


@asynccontextmanager
async def fresh_system(
    redis_url: str, postgres_dsn: str, keys: Path, folder: Path, **more: str
) -> AsyncIterator[WholeSystem]:
    """The system on emptied stores and a Temporal of its own, its worker started."""
    await empty_stores(redis_url, postgres_dsn)
    async with (
        own_temporal(folder) as temporal_address,
        open_system(
            keys=keys,
            redis_url=redis_url,
            postgres_dsn=postgres_dsn,
            temporal_address=temporal_address,
            **more,
        ) as system,
    ):
        system.worker.start()
        yield system


@asynccontextmanager
async def open_system(
    *, keys: Path, redis_url: str, postgres_dsn: str, temporal_address: str, **more: str
) -> AsyncIterator[WholeSystem]:
    """The system, its worker not yet started. The stores must be empty, and nobody else's while it
    runs. `more`: environment variables beside the usual ones."""
    async with AsyncExitStack() as closing:
        environment = closing.enter_context(pytest.MonkeyPatch.context())
        environment.setattr("workflows.refund.FIRST_LOOK", FIRST_LOOK)
        breaker: Any = BreakerGateway.__init__
        environment.setitem(breaker.__kwdefaults__, "retry_after_seconds", BREAKER_OPEN_SECONDS)
        provider = create_provider(
            keys, None, notify_retry_scale=NOTIFY_RETRY_SCALE, refund_seconds=0.1
        )
        provider_url = await closing.enter_async_context(serving(provider))
        listener = bound_socket()
        addresses = {
            "TEMPORAL_ADDRESS": temporal_address,
            "SECKILL_REDIS_URL": redis_url,
            "SECKILL_POSTGRES_DSN": postgres_dsn,
            "SECKILL_PUBLIC_URL": url_of(listener),
            "SECKILL_SANDBOX_URL": provider_url,
        }
        for name, value in {**_installation(keys, provider_url), **addresses, **more}.items():
            environment.setenv(name, value)
        settings = Settings()
        api_url = await closing.enter_async_context(serving(create_app(settings), listener))
        worker = RestartableWorker(settings)
        closing.push_async_callback(worker.stop)
        yield WholeSystem(
            api=await closing.enter_async_context(loopback_http(api_url, 60)),
            provider=await closing.enter_async_context(loopback_http(provider_url, 60)),
            settings=settings,
            database=await closing.enter_async_context(_database(postgres_dsn)),
            redis=await closing.enter_async_context(
                Redis.from_url(redis_url, decode_responses=True)
            ),
            keys=keys,
            worker=worker,
        )


@asynccontextmanager
async def _database(dsn: str) -> AsyncIterator[Database]:
    database = Database.connect(dsn, pool_size=3)
    yield database
    await database.aclose()


def _installation(keys: Path, provider_url: str) -> dict[str, str]:
    return {
        **_environment("SECKILL_ALIPAY_", alipay_of(keys, provider_url)),
        **_environment("SECKILL_WECHATPAY_", wechatpay_of(keys, provider_url)),
        "SECKILL_JWT_SECRET": JWT_SECRET,
        "SECKILL_TASK_QUEUE": f"system-{uuid4().hex[:8]}",
        "SECKILL_UPKEEP_EVERY_SECONDS": "1",
        "SECKILL_AUDIT_GRACE_SECONDS": "1",
        "SECKILL_POSTGRES_POOL_SIZE": "20",
        # Everybody shares one process here, and a test's machine may be busy with others.
        "SECKILL_POSTGRES_TIMEOUT_SECONDS": "9",
        "SECKILL_REDIS_TIMEOUT_SECONDS": "9",
        "SECKILL_REFUND_SPACING_SECONDS": "0.1",
    }


def _environment(prefix: str, settings: BaseModel) -> dict[str, str]:
    return {
        f"{prefix}{name.upper()}": str(value)
        for name, value in settings
        if value and not isinstance(value, SecretStr)
    }
