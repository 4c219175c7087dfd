"""For load balancers and Prometheus."""

import asyncio
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from api.deps import Services, ServicesDep
from api.schemas import DependencyHealth, Health, Readiness

router = APIRouter(tags=["operations"])

CHECK_SECONDS = 2.0


@router.get("/healthz", summary="This process is alive")
async def healthz() -> Health:
    return Health()


@router.get("/readyz", summary="What this process needs, each named")
async def readyz(services: ServicesDep, response: Response) -> Readiness:
    """Orders are accepted with Redis alone, so only Redis decides: a load balancer must keep
    sending buyers while Postgres or Temporal is away."""
    names = {"redis": True, "postgres": False, "temporal": False}
    checks = _checks(services)
    found = await asyncio.gather(*(_look(checks[name], needed) for name, needed in names.items()))
    dependencies = dict(zip(names, found, strict=True))
    ok = all(health.ok for health in found if health.needed)
    response.status_code = 200 if ok else 503
    return Readiness(ok=ok, dependencies=dependencies)


@router.get("/metrics", summary="Prometheus metrics", response_class=Response)
async def metrics(services: ServicesDep) -> Response:
    return Response(services.metrics.exposition(), media_type=CONTENT_TYPE_LATEST)


def _checks(services: Services) -> dict[str, Callable[[], Awaitable[object]]]:
    return {
        "redis": services.redis.ping,
        "postgres": services.database.ping,
        "temporal": services.commands.ping,
    }


async def _look(check: Callable[[], Awaitable[object]], needed: bool) -> DependencyHealth:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check()
    except Exception as error:
        # The kind of failure, not its text: addresses and names stay inside.
        detail = f"does not answer: {type(error).__name__}"
        return DependencyHealth(ok=False, needed=needed, detail=detail)
    return DependencyHealth(ok=True, needed=needed, detail="answers")
