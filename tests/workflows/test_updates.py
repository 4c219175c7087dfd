"""What callers say to a workflow: what the release before this one sent is still understood."""

import pytest

from domain.model import Value
from domain.payment import PaymentMethod, PaymentScene
from workflows import updates
from workflows.updates import PayWithPoints


def test_points_are_a_way_to_pay_like_the_others() -> None:
    payment = PayWithPoints(actor="buyer:ada").as_payment()

    assert (payment.method, payment.scene) == (PaymentMethod.POINTS, PaymentScene.PAGE)
    assert payment.actor == "buyer:ada"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("BeginPayment", {"method": "alipay", "scene": "qr", "actor": "buyer:ada"}),
        ("PayWithPoints", {"actor": "buyer:ada"}),
        ("CancelOrder", {"actor": "buyer:ada", "reason": "changed my mind"}),
        ("ExtendDeadline", {"seconds": 60, "actor": "operator:eve", "reason": "bank"}),
        ("RecheckPayment", {"actor": "operator:eve"}),
        ("DecideDelivery", {"kind": "message", "actor": "operator:eve", "reason": "told"}),
        ("DecideRefund", {"actor": "operator:eve", "reason": "paid by hand"}),
        ("OrderOutcome", {"order_id": "o", "status": "fulfilled"}),
        ("RefundOutcome", {"refund_id": "r"}),
    ],
)
def test_a_payload_of_a_history_is_read(name: str, said: dict[str, object]) -> None:
    kind: type[Value] = getattr(updates, name)

    assert kind.model_validate(said).model_dump(mode="json", exclude_unset=True) == said
