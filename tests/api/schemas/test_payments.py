"""Which of several payments an order shows."""

from datetime import timedelta

import pytest

from api.schemas.payments import payment_view, shown_payment
from domain.payment import Payment, PaymentMethod, QrAction
from domain.states import PaymentStatus
from tests.support.api_doubles import a_dossier
from tests.support.values import NOON, a_payment

ORDER = a_dossier().order


def begun(minute: int, status: PaymentStatus, method: PaymentMethod) -> Payment:
    at = {"status": status, "created_at": NOON + timedelta(minutes=minute)}
    return a_payment(ORDER, method).model_copy(update=at)


def test_before_any_was_begun_there_is_none() -> None:
    assert shown_payment([]) is None


@pytest.mark.parametrize(
    ("first", "shown"),
    [
        ("created", PaymentMethod.WECHATPAY),
        ("closed", PaymentMethod.WECHATPAY),
        ("paid", PaymentMethod.ALIPAY),
        ("refunded", PaymentMethod.ALIPAY),
        ("mismatched", PaymentMethod.ALIPAY),
    ],
)
def test_one_that_was_paid_tells_more_than_a_later_one(first: str, shown: PaymentMethod) -> None:
    payments = [
        begun(0, PaymentStatus(first), PaymentMethod.ALIPAY),
        begun(1, PaymentStatus.CREATED, PaymentMethod.WECHATPAY),
    ]

    summary = shown_payment(payments)

    assert summary is not None
    assert summary.method is shown


def test_a_payment_says_how_it_is_made_and_until_when() -> None:
    payment = a_payment(ORDER).model_copy(update={"action": QrAction(code_url="weixin://x")})

    view = payment_view(payment).model_dump()

    assert view["action"] == {"type": "qr", "code_url": "weixin://x"}
    assert view["out_trade_no"] == view["payment_id"] == payment.payment_id
    assert view["expires_at"] == payment.expires_at
