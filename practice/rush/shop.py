"""The shop's API, as buyers and an operator call it."""

from collections.abc import Mapping
from datetime import datetime
from typing import TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from domain.payment import PaymentMethod
from domain.sale import ItemRef
from practice.rush.http import Answer, HttpClient

AUDIT_SECONDS = 120.0
SKU_ID = "phone"

ModelT = TypeVar("ModelT", bound=BaseModel)


def read(model: type[ModelT], answer: Answer | None) -> ModelT | None:
    """A good answer as this view; None for a refusal, no answer, or one that is garbled."""
    if answer is None or not answer.ok:
        return None
    try:
        return model.model_validate_json(answer.body)
    except ValidationError:
        return None


class ShopClient:
    """One method per call of the HTTP contract; each raises Unreachable when no answer came."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    async def token(self, user_id: str, roles: tuple[str, ...] = ()) -> Answer:
        body = {"user_id": user_id, "roles": list(roles)}
        return await self._http.request("POST", "/v1/dev/tokens", body=body)

    async def place_order(
        self, item: ItemRef, token: str, key: str, entry_token: str = ""
    ) -> Answer:
        """`key` may be empty: a click without an Idempotency-Key."""
        said = {"Idempotency-Key": key, "X-Entry-Token": entry_token}
        headers = {name: value for name, value in said.items() if value}
        path, body = f"{path_of(item)}/orders", {"quantity": 1}
        return await self._http.request("POST", path, token=token, body=body, headers=headers)

    async def room(self, item: ItemRef) -> Answer:
        """What everybody sees."""
        return await self._http.request("GET", f"{path_of(item)}/room")

    async def join_room(self, item: ItemRef, token: str) -> Answer:
        """Asked again, it tells where one's place is now."""
        path, body = f"{path_of(item)}/room", {"quantity": 1}
        return await self._http.request("POST", path, token=token, body=body)

    async def leave_room(self, item: ItemRef, token: str) -> Answer:
        return await self._http.request("DELETE", f"{path_of(item)}/room", token=token)

    async def enter(self, item: ItemRef, token: str) -> Answer:
        """For the pass of who was called."""
        return await self._http.request("POST", f"{path_of(item)}/entry", token=token)

    async def order(self, order_id: str, token: str) -> Answer:
        return await self._http.request("GET", f"/v1/orders/{order_id}", token=token)

    async def orders(self, token: str, cursor: str | None = None) -> Answer:
        query = f"?cursor={quote(cursor)}" if cursor else ""
        return await self._http.request("GET", f"/v1/orders{query}", token=token)

    async def begin_payment(self, order_id: str, token: str, method: PaymentMethod) -> Answer:
        path = f"/v1/orders/{order_id}/payments"
        return await self._http.request("POST", path, token=token, body={"method": method})

    async def cancel(self, order_id: str, token: str) -> Answer:
        path = f"/v1/orders/{order_id}/cancel"
        return await self._http.request(
            "POST", path, token=token, body={"reason": "second thoughts"}
        )

    async def create_sale(self, token: str, sale: Mapping[str, object]) -> Answer:
        return await self._http.request("POST", "/v1/operator/sales", token=token, body=sale)

    async def publish(self, token: str, sale_id: str) -> Answer:
        path = f"/v1/operator/sales/{sale_id}/publish"
        return await self._http.request("POST", path, token=token, body={})

    async def audit(self, token: str) -> Answer:
        return await self._http.request(
            "POST", "/v1/operator/audits", token=token, body={}, timeout_seconds=AUDIT_SECONDS
        )


def path_of(item: ItemRef) -> str:
    return f"/v1/sales/{item.sale_id}/items/{item.sku_id}"


def sale_document(
    *,
    starts_at: datetime,
    ends_at: datetime,
    pay_window: int,
    price: int,
    stock: int,
    limit: int,
    room: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """The body that creates a sale of one item. `room`: what it says of its rooms."""
    item = {
        "sku_id": SKU_ID,
        "title": "Phone, 256 GB",
        "list_price": 3 * price,
        "price": price,
        "stock": stock,
        "per_user_limit": limit,
    }
    return {
        "name": "Rush",
        "starts_at": starts_at.isoformat(),
        "ends_at": ends_at.isoformat(),
        "pay_window_seconds": pay_window,
        "items": [item],
        **(room or {}),
    }
