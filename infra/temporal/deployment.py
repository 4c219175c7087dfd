"""Which version of the code a worker runs, as Temporal's Worker Versioning wants to know it."""

import asyncio
from datetime import timedelta
from importlib.metadata import version

import structlog
from temporalio.api.deployment.v1 import RoutingConfig
from temporalio.api.workflowservice.v1 import DescribeWorkerDeploymentRequest
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.service import RPCError
from temporalio.worker import WorkerDeploymentConfig

from infra.settings import Settings

log = structlog.get_logger()

# Left to itself the SDK compiles and hashes every loaded module, which takes seconds of each start.
BUILD_ID = f"seckill-{version('seckill')}"
LOOK_EVERY_SECONDS = 60.0
LOOK_TIMEOUT = timedelta(seconds=5)


def deployment_config(
    settings: Settings, behaviour: VersioningBehavior = VersioningBehavior.PINNED
) -> WorkerDeploymentConfig:
    """Unversioned, and only named, unless `worker_deployment` is set. `behaviour`: what a new
    version means for the worker's workflows; by default they end with the one they began with."""
    name, build_id = settings.worker_deployment, settings.worker_build_id or BUILD_ID
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(name or "seckill", build_id),
        use_worker_versioning=bool(name),
        # Not said by the workflows themselves: the server refuses that of unversioned workers.
        default_versioning_behavior=behaviour if name else VersioningBehavior.UNSPECIFIED,
    )


async def tell_of_no_share(client: Client, settings: Settings) -> None:
    """Says it in the log, again and again, while a versioned worker is given no new workflow:
    Temporal gives it none before its version is the current one or is ramping."""
    if not settings.worker_deployment:
        return
    ours = deployment_config(settings).version
    while True:
        try:
            routing = await _routing(client, ours.deployment_name)
            if not _has_a_share(routing, ours.build_id):
                log.warning(
                    "version_is_given_no_new_workflows",
                    deployment=ours.deployment_name,
                    build_id=ours.build_id,
                    current=routing.current_deployment_version.build_id,
                )
        except RPCError as error:
            # Not registered yet, or Temporal is away.
            log.debug("deployment_not_seen", error=str(error)[:200])
        await asyncio.sleep(LOOK_EVERY_SECONDS)


async def _routing(client: Client, name: str) -> RoutingConfig:
    request = DescribeWorkerDeploymentRequest(namespace=client.namespace, deployment_name=name)
    described = await client.workflow_service.describe_worker_deployment(
        request, timeout=LOOK_TIMEOUT
    )
    return described.worker_deployment_info.routing_config


def _has_a_share(routing: RoutingConfig, build_id: str) -> bool:
    ramps = routing.ramping_version_percentage > 0
    given = {routing.current_deployment_version.build_id}
    if ramps:
        given.add(routing.ramping_deployment_version.build_id)
    return build_id in given
