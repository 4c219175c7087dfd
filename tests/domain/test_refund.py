import pytest

from domain.payment import PaymentMethod
from domain.refund import (
    SURPLUS,
    RefundReason,
    RefundRequest,
    refund_workflow_id,
    trade_workflow_id,
)
from domain.states import RefundStatus
from tests.support.values import a_payment, a_receipt, a_refund, an_item, an_order


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
