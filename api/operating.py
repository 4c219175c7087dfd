"""What operators alone are served by, beside what they share with buyers."""

from collections.abc import Mapping
from dataclasses import dataclass

from temporalio.client import Client

from api.dashboard import Dashboard
from api.preflight.opening import open_preflight
from api.preflight.preflight import Preflight
from api.workflow_calls import WorkflowCalls
from domain.payment import PaymentMethod
from infra.gateways.protocol import Gateway
from infra.settings import Settings
from infra.stores import Stores


@dataclass(frozen=True)
class Operating:
    dashboard: Dashboard
    preflight: Preflight


def open_operating(
    settings: Settings,
    stores: Stores,
    client: Client,
    gateways: Mapping[PaymentMethod, Gateway],
) -> Operating:
    """Opens nothing by itself."""
    workflows = WorkflowCalls(client, settings.task_queue)
    return Operating(
        dashboard=Dashboard(stores.database, stores.redis, workflows),
        preflight=open_preflight(settings, stores, client, gateways),
    )
