"""A queue in memory in front of the small shop, honest or faulty on demand."""

import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support.shop_double import ShopDouble, accepted, caller_of, moment_of, problem


@dataclass
class RoomFaults:
    share_places: bool = False
    move_people: bool = False
    let_anybody_in: bool = False
    send_the_called_away: bool = False
    favour: str = ""
    leave_all_waiting: bool = False
    call_silently: bool = False


@dataclass
class Place:
    index: int
    state: str = "waiting"
    order_id: str = ""
    expires_at: float = 0.0


@dataclass
class RoomDouble(ShopDouble):
    """Whoever comes is called as long as units are free: in order, if it is honest."""

    room_faults: RoomFaults = field(default_factory=RoomFaults)
    line: dict[str, Place] = field(default_factory=dict)
    serving: int = 0

    def app(self) -> Starlette:
        app, item = super().app(), "/v1/sales/{sale_id}/items/{sku_id}"
        app.router.routes[:0] = [
            Route(f"{item}/room", self.room, methods=["GET"]),
            Route(f"{item}/room", self.join, methods=["POST"]),
            Route(f"{item}/room", self.go, methods=["DELETE"]),
            Route(f"{item}/entry", self.enter, methods=["POST"]),
            Route(f"{item}/orders", self.order, methods=["POST"]),
        ]
        return app

    async def room(self, request: Request) -> Response:
        self._call()
        said = {"state": "over" if self._over else "serving", "serving": self.serving}
        return JSONResponse(said)

    async def join(self, request: Request) -> Response:
        if time.time() < datetime.fromisoformat(self.sale["room_opens_at"]).timestamp():
            return problem("NOT_STARTED")
        user = caller_of(request)
        if user not in self.line:
            shared = self.room_faults.share_places and len(self.line) == 3
            self.line[user] = Place(len(self.line) - shared)
        elif self.room_faults.move_people:
            self.line[user].index += 1
        self._call()
        return JSONResponse(self._ticket(self.line[user]))

    async def go(self, request: Request) -> Response:
        place = self.line[caller_of(request)]
        place.state = "left"
        return JSONResponse(self._ticket(place))

    async def enter(self, request: Request) -> Response:
        place = self.line[caller_of(request)]
        self._call()
        if place.state in ("used", "called"):
            if self.room_faults.send_the_called_away:
                return problem("NOT_YOUR_TURN")
            place.order_id = place.order_id or f"P{place.index:05d}"
            place.expires_at = place.expires_at or time.time() + self.sale["pass_window_seconds"]
            expires_at = moment_of(place.expires_at)
            said = {"token": place.order_id, "order_id": place.order_id, "expires_at": expires_at}
            return JSONResponse(said)
        return problem("ROOM_OVER" if self._over else "NOT_YOUR_TURN")

    async def order(self, request: Request) -> Response:
        user, token = caller_of(request), request.headers.get("x-entry-token", "")
        place = self.line.get(user)
        if self.room_faults.let_anybody_in and not token and place and not place.order_id:
            place.order_id = token = f"P{place.index:05d}"
        if token and token in self.orders:
            return accepted(token)
        if not (token and place and token == place.order_id):
            return problem("ENTRY_TOKEN_INVALID", 403)
        if place.state == "called" and 0 < place.expires_at < time.time():
            self._call()
            return problem("ENTRY_TOKEN_INVALID", 403)
        place.state = "used"
        self.orders[token] = self.new_order(token, user)
        return accepted(token)

    def things_of(self, user: str) -> dict[str, tuple[str, dict[str, Any]]]:
        place = self.line.get(user)
        if place is None or (self.room_faults.call_silently and place.state != "waiting"):
            return super().things_of(user)
        return super().things_of(user) | {"place": ("place", self._ticket(place))}

    def _ticket(self, place: Place) -> dict[str, Any]:
        state = "over" if self._over and place.state == "waiting" else place.state
        said = {"state": state, "index": place.index, "leaf": f"{place.index:064d}"}
        return {**said, "place": place.index + 1, "serving": self.serving}

    @property
    def _over(self) -> bool:
        sold = sum(order["status"] == "fulfilled" for order in self.orders.values())
        return sold >= self.sale["items"][0]["stock"] and not self.room_faults.leave_all_waiting

    def _call(self) -> None:
        if time.time() < datetime.fromisoformat(self.sale["starts_at"]).timestamp():
            return
        for place in self.line.values():
            if place.state == "called" and 0 < place.expires_at < time.time():
                place.state, place.order_id = "lapsed", ""
        taken = len(self.live()) + sum(one.state == "called" for one in self.line.values())
        free = self.sale["items"][0]["stock"] - taken
        for user, place in list(self.line.items()):
            if free > 0 and place.state == "waiting" and user.endswith(self.room_faults.favour):
                place.state, free = "called", free - 1
                self.serving = max(self.serving, place.index + 1)
