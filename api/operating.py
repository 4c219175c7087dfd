"""What operators alone are served by, beside what they share with buyers."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

from temporalio.client import Client

from api.approvals import ApprovedCommands
from api.attentions import AttentionDecisions
from api.bills import BillReconciler
from api.dashboard import Dashboard
from api.guarded_commands import GuardedGifts, GuardedRefunds, gift_executor, refund_executor
from api.preflight.opening import open_preflight
from api.preflight.preflight import Preflight
from api.refunds import OrderRefunds
from api.workflow_calls import WorkflowCalls
from domain.approval import ApprovalKind
from domain.payment import PaymentMethod
from infra.background import ended
from infra.gateways.protocol import Gateway
from infra.redis.stock_gate import StockGate
from infra.settings import Settings
from infra.stores import Stores


@dataclass(frozen=True)
class Operating:
    attentions: AttentionDecisions
    bills: BillReconciler
    dashboard: Dashboard
    preflight: Preflight
    approved: ApprovedCommands
    refunds: GuardedRefunds
    gifts: GuardedGifts


def open_operating(
    settings: Settings,
    stores: Stores,
    client: Client,
    gateways: Mapping[PaymentMethod, Gateway],
    refunds: OrderRefunds,
    closing: AsyncExitStack,
) -> Operating:
    """Begins to carry out what was approved; `closing` ends that."""
    database = stores.database
    approved = ApprovedCommands(
        database,
        settings.approval.amounts,
        {
            ApprovalKind.REFUND: refund_executor(refunds),
            ApprovalKind.POINTS: gift_executor(database),
        },
    )
    closing.push_async_callback(ended, asyncio.create_task(approved.run()))
    workflows = WorkflowCalls(client, settings.task_queue)
    return Operating(
        attentions=AttentionDecisions(database, stores.redis, StockGate(stores.redis)),
        bills=BillReconciler(workflows, gateways),
        dashboard=Dashboard(database, stores.redis, workflows),
        preflight=open_preflight(settings, stores, client, gateways),
        approved=approved,
        refunds=GuardedRefunds(approved, refunds),
        gifts=GuardedGifts(approved),
    )
