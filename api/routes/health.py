"""For load balancers and Prometheus."""

import asyncio
from datetime import UTC, datetime

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST
from redis.exceptions import RedisError

from api.deps import Services, ServicesDep
from api.schemas.health import Health, Readiness
from audit.outages import store_of
from infra.postgres.audits import Audits

# A scrape must come back while Redis is away, too.
LOOK_SECONDS = 1.0

router = APIRouter(tags=["operations"])


@router.get("/healthz", summary="This process is alive")
async def healthz() -> Health:
    """Asks nobody: it answers as long as the process does."""
    return Health()


@router.get(
    "/readyz",
    summary="What this process needs, each named",
    responses={
        200: {"description": "Orders can be accepted"},
        503: {"model": Readiness, "description": "No order can be accepted"},
    },
)
async def readyz(services: ServicesDep, response: Response) -> Readiness:
    """Orders are accepted with Redis alone, so only Redis decides: a load balancer must keep
    sending buyers while Postgres or Temporal is away."""
    readiness = await services.readiness.look()
    response.status_code = 200 if readiness.ok else 503
    return readiness


@router.get(
    "/metrics",
    summary="Prometheus metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(services: ServicesDep) -> Response:
    """In Prometheus' text format, of this process alone; but `seckill_intents_…` and
    `seckill_audit_…`, which each process says of all."""
    await asyncio.gather(_look_at_backlog(services), _look_at_audits(services))
    return Response(services.metrics.exposition(), media_type=CONTENT_TYPE_LATEST)


async def _look_at_backlog(services: Services) -> None:
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            services.metrics.backlog_is(*await services.backlog.depth())
    except (RedisError, OSError, TimeoutError):
        services.metrics.backlog_is()


async def _look_at_audits(services: Services) -> None:
    try:
        async with asyncio.timeout(LOOK_SECONDS), services.database.transaction() as connection:
            newest = await Audits(connection).newest()
            sound = await Audits(connection).last_sound()
    except Exception as error:
        if store_of(error) is None:
            raise
        newest = sound = None
    now = datetime.now(UTC)
    services.metrics.audit_is(
        ok=float(newest[0]) if newest else -1,
        age=(now - newest[1]).total_seconds() if newest else -1,
        sound_age=(now - sound).total_seconds() if sound else -1,
    )
