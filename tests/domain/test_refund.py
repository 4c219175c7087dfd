import pytest

from domain.payment import PaymentMethod
from domain.refund import (
    SURPLUS,
    Refund,
    RefundReason,
    RefundRequest,
    asked_again,
    refund_workflow_id,
    trade_workflow_id,
)
from domain.states import RefundStatus
from tests.support.values import NOON, a_payment, a_receipt, a_refund, an_item, an_order


def _request(method: PaymentMethod = PaymentMethod.ALIPAY, *, part: int = 0) -> RefundRequest:
    payment = a_payment(an_order(an_item()), method)
    return RefundRequest(
        order_id=payment.order_id,
        receipt=a_receipt(payment, trade_no="4200"),
        amount=payment.amount,
        currency=payment.currency,
        reason=RefundReason.PARTIAL if part else RefundReason.ORDER,
        note="",
        actor="ada",
        part=part,
    )


@pytest.mark.parametrize(
    ("method", "number"),
    [
        (PaymentMethod.ALIPAY, "RA4200"),
        (PaymentMethod.WECHATPAY, "RW4200"),
        (PaymentMethod.POINTS, "RP4200"),
    ],
)
def test_the_same_money_goes_back_under_the_same_number(method: PaymentMethod, number: str) -> None:
    assert _request(method).refund_id == number
    assert _request(method).refund_id == _request(method).refund_id


def test_each_part_of_a_payment_has_a_number_of_its_own() -> None:
    assert [_request(part=part).refund_id for part in (1, 2)] == ["RA4200-1", "RA4200-2"]


@pytest.mark.parametrize("part", [0, 3])
def test_a_refund_leads_to_the_workflow_that_was_started_for_it(part: int) -> None:
    request = _request(part=part)
    refund = a_refund(a_payment(an_order(an_item())), refund_id=request.refund_id)

    assert refund.workflow_id == request.workflow_id
    assert request.workflow_id == refund_workflow_id(PaymentMethod.ALIPAY, request.refund_id)


def test_what_gives_all_of_a_trade_back_is_the_workflow_of_that_trade() -> None:
    assert _request().workflow_id == trade_workflow_id(PaymentMethod.ALIPAY, "4200")
    assert _request(part=1).workflow_id != trade_workflow_id(PaymentMethod.ALIPAY, "4200")


@pytest.mark.parametrize("status", list(RefundStatus))
def test_a_refund_is_over_when_it_is_done_and_not_when_it_failed(status: RefundStatus) -> None:
    refund = a_refund(a_payment(an_order(an_item()))).model_copy(update={"status": status})

    assert refund.is_over == (status is RefundStatus.DONE)


def test_money_that_nobody_asked_back_is_surplus() -> None:
    assert set(RefundReason) - SURPLUS == {RefundReason.ORDER, RefundReason.PARTIAL}


def _on_record(request: RefundRequest, by_hand: bool | None) -> Refund:
    return Refund(
        refund_id=request.refund_id,
        payment_id=request.receipt.payment_id,
        method=request.receipt.method,
        trade_no=request.receipt.trade_no,
        status=RefundStatus.ACCEPTED,
        requested_by=request.actor,
        requested_at=NOON,
        by_hand=by_hand,
        **request.model_dump(include={"order_id", "amount", "currency", "reason", "note"}),
    )


@pytest.mark.parametrize("part", [0, 3])
def test_a_refund_that_lost_its_workflow_is_asked_for_as_it_was(part: int) -> None:
    request = _request(part=part)

    again = asked_again(_on_record(request, by_hand=False), request.receipt.amount, NOON)

    assert again == request.model_copy(update={"not_honoured": True})
    assert again.workflow_id == request.workflow_id


def test_nobody_asks_again_who_does_not_know_whether_it_goes_back_by_hand() -> None:
    with pytest.raises(ValueError, match="by hand"):
        asked_again(_on_record(_request(), by_hand=None), 1, NOON)
