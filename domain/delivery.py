"""Deliveries: things owed to the buyer once an order is paid."""

from enum import StrEnum

from domain.model import Value
from domain.states import DeliveryStatus


class DeliveryKind(StrEnum):
    POINTS = "points"
    ENTITLEMENT = "entitlement"
    MESSAGE = "message"


class Delivery(Value):
    order_id: str
    kind: DeliveryKind
    status: DeliveryStatus
    # Counted in Postgres: the workflow's own tries do not say what another run of it has tried.
    attempts: int
    detail: str = ""
