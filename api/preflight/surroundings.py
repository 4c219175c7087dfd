"""What a preflight asks of what is around the stores: Temporal, providers, the way in."""

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import httpx
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from api.preflight.check import Finding
from domain.gateway_errors import GatewayError
from domain.ids import MAX_ITEM_NUMBER, new_order_id
from domain.payment import Charge, PaymentMethod, PaymentScene, TradeState, payment_id_for
from infra.gateways.protocol import Gateway
from infra.loopback import is_loopback_url
from infra.settings import Settings
from infra.temporal.queues import refund_queue, sale_queue
from infra.temporal.search_attributes import SEARCH_TYPES
from infra.trusted_roots import trusted_roots

CALL_SECONDS = 3.0
# A poll lasts a minute at most, so who polls was there since.
POLLED_WITHIN_SECONDS = 90.0
WORKFLOWS, ACTIVITIES = (
    TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
)
# No item will ever have it: the payments of such orders are nobody's.
NO_ITEM = MAX_ITEM_NUMBER
_EXAMPLES = {"Bool": "true"}


class SurroundingChecks:
    def __init__(
        self, settings: Settings, client: Client, gateways: Mapping[PaymentMethod, Gateway]
    ) -> None:
        self._settings = settings
        self._client = client
        self._providers = {
            method: gateway
            for method, gateway in gateways.items()
            if method is not PaymentMethod.POINTS
        }

    async def workers(self) -> Finding:
        queue = self._settings.task_queue
        refunds, sales = refund_queue(queue), sale_queue(queue)
        asked = {
            f"{queue} (workflows)": self._pollers(queue, WORKFLOWS),
            f"{queue} (activities)": self._pollers(queue, ACTIVITIES),
            f"{refunds} (activities)": self._pollers(refunds, ACTIVITIES),
            f"{sales} (workflows)": self._pollers(sales, WORKFLOWS),
            f"{sales} (activities)": self._pollers(sales, ACTIVITIES),
        }
        # Beside one another, or a slow Temporal would take longer than the line may.
        polled = dict(zip(asked, await asyncio.gather(*asked.values()), strict=True))
        said = ", ".join(f"{name}: {len(who)}" for name, who in polled.items())
        if not all(polled.values()):
            return Finding(False, f"who polls: {said}", "start `seckill worker`")
        return Finding(True, f"who polls: {said}")

    async def worker_processes(self) -> int | None:
        """None while Temporal does not say."""
        try:
            return len(await self._pollers(self._settings.task_queue, WORKFLOWS))
        except (RPCError, RuntimeError, TimeoutError, OSError):
            return None

    async def search_attributes(self) -> Finding:
        """By a search that names them all: looking at the list is for administrators."""
        terms = (f"{name} = {_EXAMPLES.get(of, repr('x'))}" for name, of in SEARCH_TYPES.items())
        try:
            await self._client.count_workflows(
                " AND ".join(terms), rpc_timeout=timedelta(seconds=CALL_SECONDS)
            )
        except RPCError as error:
            if error.status is not RPCStatusCode.INVALID_ARGUMENT:
                raise
            advice = "start a worker that may register them, or have an administrator do it"
            return Finding(False, f"a search is refused: {str(error)[:200]}", advice)
        return Finding(True, f"a search by {', '.join(SEARCH_TYPES)} is understood")

    async def webhook(self) -> Finding:
        """Only from here: what a provider sees from outside nobody here can."""
        url = self._settings.public_url
        advice = "set SECKILL_PUBLIC_URL to where providers reach the API"
        gateways = (self._settings.alipay.gateway_url, self._settings.wechatpay.gateway_url)
        if is_loopback_url(url) and any(one and not is_loopback_url(one) for one in gateways):
            return Finding(False, f"{url} is this machine, and a provider is elsewhere", advice)
        async with httpx.AsyncClient(timeout=CALL_SECONDS, verify=trusted_roots()) as client:
            try:
                answer = await client.get(f"{url.rstrip('/')}/healthz")
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                return Finding(False, f"{url} does not answer: {type(error).__name__}", advice)
        if not answer.is_success:
            return Finding(False, f"{url}/healthz answers {answer.status_code}", advice)
        return Finding(True, f"{url} answers as seen from here; from outside nobody has looked")

    async def providers(self) -> Finding:
        if not self._providers:
            return Finding(True, "no provider is set up here: only points pay")
        said = await asyncio.gather(*map(_unknown_trade, self._providers.values()))
        wrong = [one for one in said if one]
        names = ", ".join(self._providers)
        if wrong:
            advice = "look at the provider's settings: keys, app and merchant numbers, the gateway"
            return Finding(False, "; ".join(wrong), advice)
        return Finding(True, f"keys load, and an unknown trade is unknown: {names}")

    async def round_trip(self) -> Finding:
        """A trade is created, looked up and closed: no money moves."""
        if not self._providers:
            return Finding(True, "no provider is set up here")
        said = await asyncio.gather(*map(_created_and_closed, self._providers.values()))
        wrong = [one for one in said if one]
        if wrong:
            advice = "look at what the provider says, and at the account's rights in its console"
            return Finding(False, "; ".join(wrong), advice)
        return Finding(True, f"created, looked up and closed: {', '.join(self._providers)}")

    async def dev_login(self) -> Finding:
        gateways = (self._settings.alipay.gateway_url, self._settings.wechatpay.gateway_url)
        is_real = any(one and not is_loopback_url(one) for one in gateways)
        if self._settings.dev_login and is_real:
            advice = "unset SECKILL_DEV_LOGIN: with it anybody is anybody"
            return Finding(False, "it is on, beside a real provider", advice)
        state = "on, beside practice providers" if self._settings.dev_login else "off"
        return Finding(True, f"{state}, by the settings of this process")

    async def _pollers(self, queue: str, of: TaskQueueType.ValueType) -> set[str]:
        request = DescribeTaskQueueRequest(
            namespace=self._client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=of
        )
        limit = timedelta(seconds=CALL_SECONDS)
        described = await self._client.workflow_service.describe_task_queue(request, timeout=limit)
        since = time.time() - POLLED_WITHIN_SECONDS
        return {one.identity for one in described.pollers if one.last_access_time.seconds > since}


async def _unknown_trade(gateway: Gateway) -> str | None:
    """What is wrong; None for nothing."""
    try:
        trade = await gateway.query(_nobodys_payment(gateway.method))
    except GatewayError as error:
        return f"{gateway.method}: {type(error).__name__}: {str(error)[:200]}"
    if trade.state is not TradeState.NOT_FOUND:
        return f"{gateway.method}: a trade nobody made is {trade.state}"
    return None


async def _created_and_closed(gateway: Gateway) -> str | None:
    payment_id = _nobodys_payment(gateway.method)
    charge = Charge(
        payment_id=payment_id,
        amount=1,
        currency="CNY",
        subject="preflight",
        expires_at=datetime.now(UTC) + timedelta(minutes=10),
        scene=PaymentScene.QR,
    )
    try:
        await gateway.create(charge)
        trade = await gateway.query(payment_id)
        closed = await gateway.close(payment_id)
    except GatewayError as error:
        return f"{gateway.method}: {type(error).__name__}: {str(error)[:200]}"
    if closed.receipt or closed.returned or trade.receipt:
        return f"{gateway.method}: a trade nobody paid has money"
    return None


def _nobodys_payment(method: PaymentMethod) -> str:
    return payment_id_for(new_order_id(NO_ITEM, time.time_ns() // 1_000_000), method)
