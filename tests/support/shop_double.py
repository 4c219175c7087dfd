"""A small shop and cashier in memory, honest or faulty on demand: the crowd is what is tested."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from practice.provider.control import Switches


@dataclass
class Faults:
    oversell: int = 0
    sold_out_too_early: int = 0
    forget_payments: bool = False
    forget_limit: bool = False
    forget_keys: bool = False
    take_cancels_in_only: bool = False
    hide_an_order: bool = False
    invent_an_order: bool = False
    lose_answers: int = 0
    break_answers: int = 0
    audit_fails: bool = False
    stop_telling: bool = False


@dataclass
class ShopDouble:
    """Accepts, takes payments and lets orders time out by the clock alone."""

    faults: Faults = field(default_factory=Faults)
    sale: dict[str, Any] = field(default_factory=dict)
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    methods: dict[str, str] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)
    switched: list[dict[str, Any]] = field(default_factory=list)
    paid_after_switches: list[int] = field(default_factory=list)
    told: set[str] = field(default_factory=set)
    looks: int = 0

    def open_at_once(self, *, stock: int, limit: int = 1) -> None:
        """A sale that nobody has to create."""
        item = {"price": 9_900, "stock": stock, "per_user_limit": limit}
        self.sale = {
            "sale_id": "S1",
            "starts_at": moment_of(time.time() - 1),
            "pay_window_seconds": 600,
            "items": [item],
        }

    def app(self) -> Starlette:
        item = "/v1/sales/{sale_id}/items/{sku_id}/orders"
        order = "/v1/orders/{order_id}"
        return Starlette(
            routes=[
                Route("/v1/dev/tokens", self.token, methods=["POST"]),
                Route("/v1/operator/sales", self.create, methods=["POST"]),
                Route("/v1/operator/sales/{sale_id}/publish", self.publish, methods=["POST"]),
                Route("/v1/operator/audits", self.audit, methods=["POST"]),
                Route(item, self.place, methods=["POST"]),
                Route("/v1/orders", self.listed),
                Route("/v1/me/events", self.events),
                Route(order, self.view),
                Route(f"{order}/payments", self.begin, methods=["POST"]),
                Route(f"{order}/cancel", self.cancel, methods=["POST"]),
                Route("/cashier", self.cashier),
                Route("/trades/{order_id}/pay", self.pay, methods=["POST"]),
                Route("/trades/{order_id}/control", self.control, methods=["PUT"]),
                Route("/control", self.switch, methods=["PUT"]),
            ]
        )

    async def token(self, request: Request) -> Response:
        return JSONResponse({"token": (await request.json())["user_id"]})

    async def create(self, request: Request) -> Response:
        self.sale = {"sale_id": "S1", **(await request.json())}
        return JSONResponse({**self.sale, "server_time": moment_of(time.time())}, 201)

    async def publish(self, request: Request) -> Response:
        return JSONResponse(self.sale)

    async def audit(self, request: Request) -> Response:
        ok = not self.faults.audit_fails
        return JSONResponse({"ok": ok, "checks": [{"code": "A1", "ok": ok, "detail": "stock"}]})

    async def place(self, request: Request) -> Response:
        user, key = caller_of(request), request.headers.get("idempotency-key", "")
        self.heard.append(key)
        if self.faults.break_answers > 0:
            self.faults.break_answers -= 1
            return JSONResponse({}, 503, {"Retry-After": "0"})
        answer = self._place(user, key)
        if self.faults.lose_answers > 0:
            self.faults.lose_answers -= 1
            return Response("not JSON, and no HTTP status to trust", 502)
        return answer

    def _place(self, user: str, key: str) -> Response:
        item = self.sale["items"][0]
        if time.time() < datetime.fromisoformat(self.sale["starts_at"]).timestamp():
            return problem("NOT_STARTED")
        if key and key in self.keys and not self.faults.forget_keys:
            return accepted(self.keys[key])
        mine = [one for one in self.live() if one["user_id"] == user]
        if len(mine) >= item["per_user_limit"] and not self.faults.forget_limit:
            return problem("LIMIT_REACHED", order_id=mine[0]["order_id"])
        stock = item["stock"] + self.faults.oversell - self.faults.sold_out_too_early
        if len(self.live()) >= stock:
            return problem("SOLD_OUT")
        order_id = self.keys[key] = f"O{len(self.orders):05d}"
        self.orders[order_id] = self.new_order(order_id, user)
        return accepted(order_id)

    def new_order(self, order_id: str, user: str) -> dict[str, Any]:
        return {
            "order_id": order_id,
            "user_id": user,
            "status": "pending_payment",
            "amount": self.sale["items"][0]["price"],
            "deadline": time.time() + self.sale["pay_window_seconds"],
            "payment": None,
        }

    def live(self) -> list[dict[str, Any]]:
        for order in self.orders.values():
            if order["status"] == "pending_payment" and time.time() >= order["deadline"]:
                order["status"] = "timed_out"
        return [o for o in self.orders.values() if o["status"] not in ("timed_out", "cancelled")]

    async def listed(self, request: Request) -> Response:
        user = caller_of(request)
        mine = [_view(order) for order in self.orders.values() if order["user_id"] == user]
        if mine and self.faults.hide_an_order:
            mine.pop()
        if self.faults.invent_an_order:
            mine.append({"order_id": f"X-{user}", "status": "pending_payment"})
        return JSONResponse({"orders": mine, "next_cursor": None})

    async def view(self, request: Request) -> Response:
        self.looks += 1
        self.live()
        order = self.orders.get(request.path_params["order_id"])
        return JSONResponse(_view(order)) if order else problem("NOT_FOUND", 404)

    async def events(self, request: Request) -> Response:
        return StreamingResponse(self._tell(caller_of(request)), media_type="text/event-stream")

    async def _tell(self, user: str) -> AsyncIterator[str]:
        told: dict[str, str] = {}
        yield "retry: 2000\n\n"
        while True:
            self.live()
            for key, (name, view) in self.things_of(user).items():
                data = json.dumps(view)
                if told.get(key) != data and not (self.faults.stop_telling and key in self.told):
                    told[key] = data
                    self.told.add(key)
                    yield f"event: {name}\ndata: {data}\n\n"
            await asyncio.sleep(0.05)

    def things_of(self, user: str) -> dict[str, tuple[str, dict[str, Any]]]:
        """What a stream tells him of: by a name of each, its kind and its view."""
        mine = (order for order in self.orders.values() if order["user_id"] == user)
        return {order["order_id"]: ("order", _view(order)) for order in mine}

    async def begin(self, request: Request) -> Response:
        order_id, method = request.path_params["order_id"], (await request.json())["method"]
        self.methods[order_id] = method
        action = {"type": "redirect", "url": f"http://{request.url.netloc}/cashier?o={order_id}"}
        if method == "wechatpay":
            action = {"type": "qr", "code_url": f"weixin://{order_id}"}
        return JSONResponse({"payment_id": order_id, "out_trade_no": order_id, "action": action})

    async def cancel(self, request: Request) -> Response:
        self.live()
        order = self.orders[request.path_params["order_id"]]
        if order["status"] != "pending_payment":
            return problem("INVALID_STATE", order_status=order["status"])
        if not self.faults.take_cancels_in_only:
            order["status"] = "cancelled"
        return JSONResponse(_view(order))

    async def cashier(self, request: Request) -> Response:
        return Response("<html>", media_type="text/html")

    async def pay(self, request: Request) -> Response:
        order = self.orders[request.path_params["order_id"]]
        self.paid_after_switches.append(len(self.switched))
        sent_along, method = (await request.json())["url"], self.methods[order["order_id"]]
        self.live()
        if order["status"] != "pending_payment" or bool(sent_along) != (method == "alipay"):
            return problem("TRADE_CLOSED")
        if not self.faults.forget_payments:
            order["status"] = "fulfilled"
            order["payment"] = {
                "payment_id": order["order_id"],
                "method": self.methods[order["order_id"]],
                "status": "paid",
                "amount": order["amount"],
            }
        return JSONResponse({"status": "paid"})

    async def control(self, request: Request) -> Response:
        return JSONResponse(await request.json())

    async def switch(self, request: Request) -> Response:
        """As the practice provider: unknown switches are refused, and those not named are off."""
        try:
            Switches.model_validate(switches := await request.json())
        except ValidationError:
            return problem("INVALID", 422)
        self.switched.append(switches)
        return JSONResponse(switches)


def caller_of(request: Request) -> str:
    return request.headers["authorization"].removeprefix("Bearer ")


def _view(order: dict[str, Any]) -> dict[str, Any]:
    return {**order, "pay_deadline": moment_of(order["deadline"])}


def moment_of(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


def accepted(order_id: str) -> Response:
    return JSONResponse({"order_id": order_id, "status": "queued"}, 202)


def problem(code: str, status: int = 409, **extra: object) -> Response:
    return JSONResponse({"code": code, "detail": code.lower(), **extra}, status)
