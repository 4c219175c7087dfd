"""What operators read of a notice."""

from typing import Any

from api.schemas.notices import notice_view
from domain.notice import Notice
from domain.payment import PaymentMethod, Receipt
from tests.support.values import NOON

RECEIPT = Receipt(
    method=PaymentMethod.ALIPAY, payment_id="P1", trade_no="T1", amount=8800, paid_at=NOON
)


def a_notice(**changes: Any) -> Notice:
    fields = {
        "notice_id": "n1",
        "method": "alipay",
        "provider_notice_id": "a1",
        "kind": "payment",
        "verdict": "accepted",
        "payment_id": "P1",
        "order_id": "O1",
        "receipt": RECEIPT,
        "received_at": NOON,
        "handled_at": None,
        "handled_as": None,
    }
    return Notice.model_validate({**fields, **changes})


def test_the_money_stands_in_the_line_itself() -> None:
    view = notice_view(a_notice())

    assert (view.trade_no, view.amount, view.order_id) == ("T1", 8800, "O1")


def test_a_notice_without_money_names_none() -> None:
    view = notice_view(a_notice(receipt=None, verdict="bad_signature"))

    assert (view.trade_no, view.amount) == (None, None)
    assert view.verdict == "bad_signature"
