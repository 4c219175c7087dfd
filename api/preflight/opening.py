"""A preflight over opened stores: for the API, and for the command."""

from collections.abc import Mapping

from temporalio.client import Client

from api.order_updates import OrderUpdates
from api.orders import OrderLookup
from api.payments import OrderPayments, PaymentsAhead
from api.preflight.dry_run import DryRun
from api.preflight.preflight import Preflight
from api.preflight.stores import StoreChecks
from api.preflight.surroundings import SurroundingChecks
from api.refunds import OrderRefunds
from api.workflow_calls import WorkflowCalls
from domain.payment import PaymentMethod
from infra.gateways.protocol import Gateway
from infra.redis.stock_gate import StockGate
from infra.settings import Settings
from infra.stores import Stores


def open_preflight(
    settings: Settings,
    stores: Stores,
    client: Client,
    gateways: Mapping[PaymentMethod, Gateway],
) -> Preflight:
    """Opens nothing by itself."""
    redis, database = stores.redis, stores.database
    gate, workflows = StockGate(redis), WorkflowCalls(client, settings.task_queue)
    orders = OrderLookup(database, gate)
    updates = OrderUpdates(workflows, orders, database)
    payments = OrderPayments(orders, updates, PaymentsAhead(database, gateways), gateways)
    refunds = OrderRefunds(workflows, orders, database)
    return Preflight(
        database,
        StoreChecks(settings, database, redis, gate),
        SurroundingChecks(settings, client, gateways),
        DryRun(database, gate, orders, payments, refunds),
    )
