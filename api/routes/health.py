"""For load balancers and Prometheus."""

import asyncio
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from api.deps import ServicesDep
from api.schemas.health import DependencyHealth, Health, Readiness

router = APIRouter(tags=["operations"])

CHECK_SECONDS = 2.0


@router.get("/healthz", summary="This process is alive")
async def healthz() -> Health:
    return Health()


@router.get("/readyz", summary="What this process needs, each named")
async def readyz(services: ServicesDep, response: Response) -> Readiness:
    """Orders are accepted with Redis alone, so only Redis decides: a load balancer must keep
    sending buyers while Postgres or Temporal is away."""
    redis, postgres, temporal = await asyncio.gather(
        _health(services.redis.ping, needed=True),
        _health(services.database.ping, needed=False),
        _health(services.workflows.ping, needed=False),
    )
    response.status_code = 200 if redis.ok else 503
    dependencies = {"redis": redis, "postgres": postgres, "temporal": temporal}
    return Readiness(ok=redis.ok, dependencies=dependencies)


@router.get("/metrics", summary="Prometheus metrics", response_class=Response)
async def metrics(services: ServicesDep) -> Response:
    return Response(services.metrics.exposition(), media_type=CONTENT_TYPE_LATEST)


async def _health(ping: Callable[[], Awaitable[object]], *, needed: bool) -> DependencyHealth:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await ping()
    except Exception as error:
        # The kind of failure, not its text: addresses and names stay inside.
        detail = f"does not answer: {type(error).__name__}"
        return DependencyHealth(ok=False, needed=needed, detail=detail)
    return DependencyHealth(ok=True, needed=needed, detail="answers")
