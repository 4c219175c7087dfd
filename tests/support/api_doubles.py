"""What stands below the API, answering as a test bids it: no server is started for it."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from api.auth import Caller
from api.orders import OrderLookup
from api.schemas.orders import OrderView, order_view
from api.workflow_calls import WorkflowCalls
from domain.delivery import Delivery
from domain.errors import ErrorCode, Refusal
from domain.order import OrderDossier
from domain.payment import Payment
from domain.sale import Item, LatePaymentPolicy, Sale
from domain.states import OrderStatus, SaleStatus
from tests.support.values import NOON, an_order

ADA, BOB = Caller("ada"), Caller("bob")
OLGA = Caller("olga", frozenset({"operator"}))


def an_item(**changes: Any) -> Item:
    fields = {
        "item_number": 7,
        "sale_id": "noon",
        "sku_id": "mug",
        "title": "A mug",
        "list_price": 12_800,
        "price": 8_800,
        "points_price": 500,
        "currency": "CNY",
        "per_user_limit": 4,
        "total": 10,
        "available": 6,
        "held": 3,
        "sold": 1,
    }
    return Item.model_validate({**fields, **changes})


def a_sale(**changes: Any) -> Sale:
    fields = {
        "sale_id": "noon",
        "name": "Noon sale",
        "status": SaleStatus.PUBLISHED,
        "starts_at": NOON,
        "ends_at": NOON + timedelta(hours=1),
        "pay_window_seconds": 1800,
        "late_payment": LatePaymentPolicy.REFUND,
        "created_at": NOON - timedelta(days=1),
        "items": (an_item(),),
    }
    return Sale.model_validate({**fields, **changes})


def a_dossier(
    status: OrderStatus = OrderStatus.PENDING_PAYMENT,
    *,
    payments: tuple[Payment, ...] = (),
    deliveries: tuple[Delivery, ...] = (),
) -> OrderDossier:
    """Ada's order."""
    order = an_order(an_item(), "ada", status=status)
    return OrderDossier(order=order, payments=payments, deliveries=deliveries)


class OneOrder(OrderLookup):
    """Knows one order, or none."""

    def __init__(self, dossier: OrderDossier | None) -> None:
        self.known = dossier

    async def view(self, order_id: str, caller: Caller) -> OrderView:
        if self.known is None:
            raise Refusal(ErrorCode.NOT_FOUND)
        return order_view(self.known)

    async def dossier(self, order_id: str) -> OrderDossier | None:
        return self.known

    async def status(self, order_id: str) -> OrderStatus | None:
        return self.known.order.status if self.known else None


class ToldWorkflows(WorkflowCalls):
    """Remembers what it is told, and gives the next of its answers; an exception is raised."""

    def __init__(self, *answers: object) -> None:
        self.started: list[str] = []
        self.told: list[tuple[str, str]] = []
        self._answers = list(answers)

    async def start(self, *_arguments: Any, workflow_id: str, **_more: Any) -> Any:
        self.started.append(workflow_id)
        return SimpleNamespace(id=workflow_id, result=self._answer)

    async def update(self, workflow_id: str, update: Any, *_arguments: Any, **_more: Any) -> Any:
        self.told.append((workflow_id, update.__name__))
        return await self._answer()

    async def _answer(self) -> object:
        answer = self._answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer
