"""What callers may say to a running order or refund, and what they hear of its end."""

from domain.delivery import DeliveryKind
from domain.model import Value
from domain.payment import PaymentMethod, PaymentScene
from domain.states import OrderStatus, RefundStatus


class BeginPayment(Value):
    method: PaymentMethod
    scene: PaymentScene
    actor: str


class PayWithPoints(Value):
    actor: str

    def as_payment(self) -> BeginPayment:
        return BeginPayment(method=PaymentMethod.POINTS, scene=PaymentScene.PAGE, actor=self.actor)


class CancelOrder(Value):
    actor: str
    reason: str


class ExtendDeadline(Value):
    """Give the buyer `seconds` more to pay."""

    seconds: int
    actor: str
    reason: str


class RecheckPayment(Value):
    actor: str


class DecideDelivery(Value):
    """An operator's word on a delivery that failed."""

    kind: DeliveryKind
    actor: str
    reason: str


class DecideRefund(Value):
    """An operator's word on a refund the provider would not do."""

    actor: str
    reason: str


class OrderOutcome(Value):
    """How an order's workflow ended."""

    order_id: str
    status: OrderStatus
    reason: str | None = None


class RefundOutcome(Value):
    """How a refund's workflow ended. No `status`: nothing went back, and `detail` says why."""

    refund_id: str
    status: RefundStatus | None = None
    honoured: bool = False
    detail: str = ""
