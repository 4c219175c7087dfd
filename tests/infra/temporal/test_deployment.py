"""Which version a worker says it is, and whether it is given anything."""

import asyncio
from datetime import timedelta
from typing import cast
from uuid import uuid4

import pytest
from structlog.testing import capture_logs
from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentRequest,
    DescribeWorkerDeploymentResponse,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from infra.settings import Settings
from infra.temporal import deployment
from infra.temporal.deployment import BUILD_ID, deployment_config, tell_of_no_share
from tests.support.polling import until


def test_without_a_deployment_a_worker_is_named_and_takes_whatever_comes() -> None:
    config = deployment_config(Settings())
    assert not config.use_worker_versioning
    assert config.version.build_id == BUILD_ID


def test_with_one_it_is_the_version_it_is_told_to_be_or_the_releases() -> None:
    told = deployment_config(Settings(worker_deployment="shop", worker_build_id="7"))
    assert told.use_worker_versioning
    assert (told.version.deployment_name, told.version.build_id) == ("shop", "7")
    assert deployment_config(Settings(worker_deployment="shop")).version.build_id == BUILD_ID


class Routing:
    """What Temporal says of a deployment: unknown at first, then `share` percent for version 2."""

    namespace = "default"

    def __init__(self, share: float) -> None:
        self.workflow_service = self
        self.looks = 0
        self._share = share

    async def describe_worker_deployment(
        self, request: DescribeWorkerDeploymentRequest, *, timeout: timedelta
    ) -> DescribeWorkerDeploymentResponse:
        assert timeout
        self.looks += 1
        if self.looks == 1:
            raise RPCError("not seen yet", RPCStatusCode.NOT_FOUND, b"")
        answer = DescribeWorkerDeploymentResponse()
        routing = answer.worker_deployment_info.routing_config
        routing.current_deployment_version.build_id = "1"
        routing.ramping_deployment_version.build_id = "2"
        routing.ramping_version_percentage = self._share
        return answer


@pytest.mark.parametrize(("share", "is_told"), [(0.0, True), (10.0, False)])
async def test_a_version_without_a_share_says_so_and_one_with_some_does_not(
    share: float, is_told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployment, "LOOK_EVERY_SECONDS", 0.01)
    settings = Settings(worker_deployment=f"shop-{uuid4().hex}", worker_build_id="2")
    routing = Routing(share)
    with capture_logs() as logs:
        telling = asyncio.create_task(tell_of_no_share(cast(Client, routing), settings))
        await until(lambda: routing.looks > 2)
        telling.cancel()
    told = [line for line in logs if line["event"] == "version_is_given_no_new_workflows"]
    assert bool(told) is is_told


async def test_an_unversioned_worker_asks_nobody() -> None:
    routing = Routing(0.0)
    await tell_of_no_share(cast(Client, routing), Settings())
    assert routing.looks == 0
