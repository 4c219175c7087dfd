"""What callers may say to a running refund, and how it ends."""

from domain.model import Value
from domain.states import RefundStatus


class DecideRefund(Value):
    """An operator's word on a refund the provider would not do."""

    actor: str
    reason: str


class RefundOutcome(Value):
    """How a refund's workflow ended. No `status`: nothing went back, and `detail` says why."""

    refund_id: str
    status: RefundStatus | None = None
    honoured: bool = False
    detail: str = ""
