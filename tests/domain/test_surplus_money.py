import pytest

from domain.payment import PaymentMethod
from domain.refund import RefundReason
from domain.states import OWNING_STOCK, OrderStatus, PaymentStatus
from domain.surplus_money import is_settled, surplus_refund, why_surplus
from tests.support.values import PRICE, a_payment, a_receipt, an_item, an_order, paid

GIVEN_UP = sorted(set(OrderStatus) - OWNING_STOCK - {OrderStatus.PENDING_PAYMENT})


def test_money_an_order_waits_for_is_not_surplus() -> None:
    order = an_order(an_item())
    payment = a_payment(order)

    assert why_surplus(order, payment, a_receipt(payment)) is None


@pytest.mark.parametrize("status", list(OrderStatus))
@pytest.mark.parametrize("amount", [PRICE - 1, PRICE + 1])
def test_another_amount_is_surplus_whatever_the_order_waits_for(
    status: OrderStatus, amount: int
) -> None:
    order = an_order(an_item(), status=status)
    payment = a_payment(order)

    assert why_surplus(order, payment, a_receipt(payment, amount=amount)) is (
        RefundReason.WRONG_AMOUNT
    )


def test_another_orders_payment_pays_nothing() -> None:
    order, other = an_order(an_item()), an_order(an_item())
    payment = a_payment(other)

    assert why_surplus(order, payment, a_receipt(payment)) is RefundReason.WRONG_AMOUNT


@pytest.mark.parametrize("status", sorted(OWNING_STOCK))
def test_money_that_comes_twice_is_a_second_payment(status: OrderStatus) -> None:
    order = an_order(an_item(), status=status)
    second = a_payment(order, PaymentMethod.WECHATPAY)

    assert why_surplus(order, second, a_receipt(second)) is RefundReason.SECOND_PAYMENT


@pytest.mark.parametrize("status", sorted(OWNING_STOCK))
def test_the_same_money_told_again_is_not_surplus(status: OrderStatus) -> None:
    order = an_order(an_item(), status=status)
    payment = paid(a_payment(order))

    assert why_surplus(order, payment, a_receipt(payment)) is None


def test_one_payment_paid_by_two_trades_is_surplus_by_one() -> None:
    order = an_order(an_item(), status=OrderStatus.PAID)
    payment = paid(a_payment(order))

    assert why_surplus(order, payment, a_receipt(payment, trade_no="another")) is (
        RefundReason.SECOND_PAYMENT
    )


@pytest.mark.parametrize("status", GIVEN_UP)
def test_money_for_an_order_that_was_given_up_is_late(status: OrderStatus) -> None:
    order = an_order(an_item(), status=status)
    payment = a_payment(order)

    assert why_surplus(order, payment, a_receipt(payment)) is RefundReason.LATE_PAYMENT


@pytest.mark.parametrize("status", list(PaymentStatus))
def test_money_is_settled_once_this_very_trade_paid_or_went_back(status: PaymentStatus) -> None:
    payment = paid(a_payment(an_order(an_item()))).model_copy(update={"status": status})

    assert is_settled(payment, a_receipt(payment)) == (
        status in (PaymentStatus.PAID, PaymentStatus.REFUNDED)
    )
    assert not is_settled(payment, a_receipt(payment, trade_no="another"))


def test_all_of_the_money_goes_back_and_nobody_asked_for_it() -> None:
    payment = a_payment(an_order(an_item()))
    receipt = a_receipt(payment, amount=1)

    refund = surplus_refund(payment.order_id, receipt, RefundReason.WRONG_AMOUNT, "CNY")

    assert (refund.amount, refund.actor, refund.part) == (1, "system", 0)
    assert (refund.order_id, refund.receipt) == (payment.order_id, receipt)
