"""The whole system in one test process: the practice provider, our API and our worker, each as in
production, over real stores. Buyers and operators act over HTTP."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
from redis.asyncio import Redis

from audit.run import run_audit
from audit.sources import open_sources
from domain.audit import AuditReport
from infra.postgres.engine import Database
from infra.settings import Settings
from tests.support.polling import until
from worker import run_worker
from workflow_client import connect_workflows

JWT_SECRET = "only these tests' tokens are signed with it, and nobody reads it"
PRICE, POINTS_PRICE = 8800, 880


def bearer(user_id: str, *roles: str) -> dict[str, str]:
    claims = {"sub": user_id, "roles": roles, "exp": int(time.time()) + 3600}
    return {"Authorization": f"Bearer {jwt.encode(claims, JWT_SECRET, algorithm='HS256')}"}


OPERATOR = bearer("olga", "operator")


@dataclass
class RestartableWorker:
    """A worker that can be stopped and started again. It runs in a task of its own: the rest of
    the system goes on, whatever the worker waits for."""

    settings: Settings
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _running: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._stop = asyncio.Event()
        self._running = asyncio.create_task(run_worker(self.settings, self._stop))

    async def stop(self) -> None:
        self._stop.set()
        if self._running:
            await self._running
        self._running = None


@dataclass
class WholeSystem:
    """`api` and `provider` are what people use; `database` and `redis` are for looking."""

    api: httpx.AsyncClient
    provider: httpx.AsyncClient
    settings: Settings
    database: Database
    redis: Redis
    keys: Path
    worker: RestartableWorker

    async def sale(self, *, stock: int, pay_window: int = 3, **changes: Any) -> str:
        """The id of a published sale of one item, `teapot`."""
        answer = await self.api.post(
            "/v1/operator/sales", json=_sale(stock, pay_window, **changes), headers=OPERATOR
        )
        assert answer.status_code == 201, answer.text
        sale_id: str = answer.json()["sale_id"]
        published = await self.api.post(f"/v1/operator/sales/{sale_id}/publish", headers=OPERATOR)
        assert published.status_code == 200, published.text
        return sale_id

    async def stock(self, sale_id: str) -> dict[str, int]:
        answer = await self.api.get(f"/v1/operator/sales/{sale_id}", headers=OPERATOR)
        item = answer.json()["items"][0]
        return {name: item[name] for name in ("available", "held", "sold")}

    async def click(self, sale_id: str, user_id: str, key: str = "") -> httpx.Response:
        headers = bearer(user_id) | ({"Idempotency-Key": key} if key else {})
        path = f"/v1/sales/{sale_id}/items/teapot/orders"
        return await self.api.post(path, json={"quantity": 1}, headers=headers)

    async def ordered(self, sale_id: str, user_id: str) -> str:
        """The id of an order that waits for its payment."""
        answer = await self.click(sale_id, user_id)
        assert answer.status_code == 202, answer.text
        order_id: str = answer.json()["order_id"]
        await self.until_status(order_id, "pending_payment")
        return order_id

    async def order(self, order_id: str) -> dict[str, Any]:
        """As an operator sees it."""
        answer = await self.api.get(f"/v1/operator/orders/{order_id}", headers=OPERATOR)
        if answer.status_code == 404:
            answer = await self.api.get(f"/v1/orders/{order_id}", headers=OPERATOR)
        assert answer.status_code == 200, answer.text
        seen: dict[str, Any] = answer.json()
        return seen

    async def until_status(self, order_id: str, *statuses: str) -> dict[str, Any]:
        """As an operator sees it then. Looks a few times a second only: many that look more
        often keep the system from doing anything else."""

        async def reached() -> dict[str, Any] | None:
            answer = await self.api.get(f"/v1/orders/{order_id}", headers=OPERATOR)
            assert answer.status_code in (200, 503), answer.text
            return answer.json() if answer.json()["status"] in statuses else None

        await until(reached, f"order {order_id} to be {' or '.join(statuses)}", every=0.25)
        return await self.order(order_id)

    async def begin(
        self, order_id: str, user_id: str, method: str, scene: str | None = None
    ) -> httpx.Response:
        return await self.api.post(
            f"/v1/orders/{order_id}/payments",
            json={"method": method, "scene": scene},
            headers=bearer(user_id),
        )

    async def cancel(self, order_id: str, user_id: str) -> httpx.Response:
        path = f"/v1/orders/{order_id}/cancel"
        return await self.api.post(path, json={"reason": "no"}, headers=bearer(user_id))

    async def operate(
        self, order_id: str, action: str, key: str = "", **body: Any
    ) -> httpx.Response:
        path = f"/v1/operator/orders/{order_id}/{action}"
        headers = OPERATOR | ({"Idempotency-Key": key} if key else {})
        return await self.api.post(path, json={"reason": "asked to", **body}, headers=headers)

    async def press_pay(self, payment: Mapping[str, Any]) -> httpx.Response:
        """The buyer at the provider's cashier, with what the API answered to `begin`."""
        action = payment["action"] or {}
        number = payment["out_trade_no"]
        return await self.provider.post(f"/trades/{number}/pay", json={"url": action.get("url")})

    async def misbehave(self, number: str, **switches: Any) -> None:
        """Sets the switches of one trade anew; none means that it behaves."""
        (await self.provider.put(f"/trades/{number}/control", json=switches)).raise_for_status()

    async def notify_again(self, number: str) -> httpx.Response:
        return await self.provider.post(f"/trades/{number}/notify")

    async def book(self) -> dict[str, dict[str, Any]]:
        """The provider's own book, by out_trade_no."""
        trades: dict[str, dict[str, Any]] = {}
        cursor: str | None = ""
        while cursor is not None:
            page = (await self.provider.get("/book", params={"cursor": cursor})).json()
            trades |= {trade["out_trade_no"]: trade for trade in page["trades"]}
            cursor = page["next_cursor"]
        return trades

    async def audit(self) -> AuditReport:
        workflows = await connect_workflows(self.settings)
        async with open_sources(self.settings, workflows) as sources:
            return await run_audit(sources)

    async def assert_audit_holds(self) -> None:
        report = await self.audit()
        broken = [f"{check.code}: {check.detail}" for check in report.checks if not check.ok]
        assert not broken, "\n".join(broken)


def _sale(stock: int, pay_window: int, **changes: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    item = {
        "sku_id": "teapot",
        "title": "A teapot",
        "list_price": 12800,
        "price": PRICE,
        "points_price": POINTS_PRICE,
        "stock": stock,
        "per_user_limit": 1,
    }
    return {
        "name": "Autumn sale",
        "starts_at": (now - timedelta(minutes=1)).isoformat(),
        "ends_at": (now + timedelta(days=1)).isoformat(),
        "pay_window_seconds": pay_window,
        "items": [item],
        **changes,
    }
