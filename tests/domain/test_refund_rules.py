import pytest

from domain.errors import ErrorCode, InvalidField, Refusal
from domain.order import OrderDossier
from domain.payment import Payment, PaymentMethod
from domain.refund import Refund, RefundReason, RefundRequest
from domain.refund_rules import REFUNDABLE, RefundWish, plan_refund
from domain.states import OrderStatus, PaymentStatus, RefundStatus
from tests.support.values import (
    PRICE,
    a_dossier,
    a_payment,
    a_receipt,
    a_refund,
    an_item,
    an_order,
    paid,
)

ALL = RefundWish(actor="buyer:ada", note="changed my mind")


def part_of(amount: int, request_key: str | None = None) -> RefundWish:
    return RefundWish(actor="operator:olga", note="", amount=amount, request_key=request_key)


def _paid(
    status: OrderStatus = OrderStatus.PAID, method: PaymentMethod = PaymentMethod.ALIPAY
) -> tuple[OrderDossier, Payment]:
    order = an_order(an_item(), status=status)
    payment = paid(a_payment(order, method))
    return a_dossier(order, payment), payment


def _with(dossier: OrderDossier, *refunds: Refund) -> OrderDossier:
    return dossier.model_copy(update={"refunds": refunds})


def _part(
    payment: Payment,
    amount: int,
    *,
    status: RefundStatus = RefundStatus.DONE,
    request_key: str | None = None,
) -> Refund:
    return a_refund(payment, amount=amount, refund_id=f"R{amount}").model_copy(
        update={"reason": RefundReason.PARTIAL, "status": status, "request_key": request_key}
    )


def _refused(dossier: OrderDossier, wish: RefundWish) -> Refusal:
    with pytest.raises(Refusal) as refused:
        plan_refund(dossier, wish)
    return refused.value


class TestWhole:
    @pytest.mark.parametrize("status", sorted(REFUNDABLE))
    def test_order_is_undone_with_all_its_money(self, status: OrderStatus) -> None:
        dossier, payment = _paid(status)

        plan = plan_refund(dossier, ALL)

        assert isinstance(plan, RefundRequest)
        assert (plan.amount, plan.reason, plan.part) == (PRICE, RefundReason.ORDER, 0)
        assert plan.receipt == a_receipt(payment)
        assert (plan.actor, plan.note) == ("buyer:ada", "changed my mind")

    @pytest.mark.parametrize("status", sorted(set(OrderStatus) - REFUNDABLE))
    def test_order_that_is_not_paid_has_nothing_to_give_back(self, status: OrderStatus) -> None:
        refusal = _refused(_paid(status)[0], ALL)

        assert refusal.code is ErrorCode.INVALID_STATE
        assert refusal.extra == {"order_status": status}

    def test_order_without_a_payment_that_was_paid_has_nothing_either(self) -> None:
        order = an_order(an_item(), status=OrderStatus.PAID)
        closed = a_payment(order).model_copy(update={"status": PaymentStatus.CLOSED})

        assert _refused(a_dossier(order, closed), ALL).code is ErrorCode.INVALID_STATE

    def test_order_is_undone_once_however_often_that_is_asked(self) -> None:
        dossier, payment = _paid(OrderStatus.REFUNDED)
        undone = a_refund(payment).model_copy(update={"status": RefundStatus.DONE})

        assert plan_refund(_with(dossier, undone), ALL) == undone

    def test_rest_undoes_the_order_after_a_part_has_gone_back(self) -> None:
        dossier, payment = _paid()

        plan = plan_refund(_with(dossier, _part(payment, 800)), ALL)

        assert isinstance(plan, RefundRequest)
        assert (plan.amount, plan.reason, plan.part) == (PRICE - 800, RefundReason.ORDER, 0)


class TestPart:
    def test_leaves_the_order_as_it_is_and_is_counted(self) -> None:
        dossier, payment = _paid()
        first = plan_refund(dossier, part_of(100))
        second = plan_refund(_with(dossier, _part(payment, 100)), part_of(50))

        assert isinstance(first, RefundRequest)
        assert isinstance(second, RefundRequest)
        assert (first.amount, first.reason, first.part) == (100, RefundReason.PARTIAL, 1)
        assert (second.amount, second.reason, second.part) == (50, RefundReason.PARTIAL, 2)
        assert first.refund_id != second.refund_id

    def test_that_is_all_there_is_undoes_the_order(self) -> None:
        plan = plan_refund(_paid()[0], part_of(PRICE))

        assert isinstance(plan, RefundRequest)
        assert (plan.reason, plan.part) == (RefundReason.ORDER, 0)

    @pytest.mark.parametrize("amount", [0, -1, PRICE + 1])
    def test_of_more_or_less_than_there_is_names_the_field(self, amount: int) -> None:
        refusal = _refused(_paid()[0], part_of(amount))

        assert isinstance(refusal, InvalidField)
        assert (refusal.field, refusal.detail) == ("amount", f"{PRICE} is left of this payment")

    def test_counts_what_has_gone_back_before(self) -> None:
        dossier, payment = _paid()

        refusal = _refused(_with(dossier, _part(payment, 8000)), part_of(801))

        assert refusal.detail == "800 is left of this payment"

    def test_of_points_is_none(self) -> None:
        dossier, _ = _paid(method=PaymentMethod.POINTS)

        refusal = _refused(dossier, part_of(1))

        assert isinstance(refusal, InvalidField)
        assert refusal.detail == "points go back as a whole"

    def test_of_another_payment_counts_for_that_one_alone(self) -> None:
        dossier, _ = _paid()
        second = a_payment(dossier.order, PaymentMethod.WECHATPAY)
        other = a_refund(second, refund_id="RW").model_copy(
            update={"reason": RefundReason.SECOND_PAYMENT}
        )

        plan = plan_refund(_with(dossier, other), part_of(PRICE))

        assert isinstance(plan, RefundRequest)
        assert plan.amount == PRICE


class TestRepeat:
    def test_without_a_name_is_the_same_wish_while_the_last_is_unfinished(self) -> None:
        dossier, payment = _paid()
        under_way = _part(payment, 100, status=RefundStatus.ACCEPTED)

        assert plan_refund(_with(dossier, under_way), part_of(100)) == under_way

    def test_of_the_same_amount_after_the_last_is_done_is_another_refund(self) -> None:
        dossier, payment = _paid()

        plan = plan_refund(_with(dossier, _part(payment, 100)), part_of(100))

        assert isinstance(plan, RefundRequest)
        assert plan.part == 2

    @pytest.mark.parametrize("status", [RefundStatus.REQUESTED, RefundStatus.FAILED])
    @pytest.mark.parametrize("wish", [ALL, part_of(99), part_of(100, "another name")])
    def test_is_no_other_wish_which_has_to_wait(
        self, status: RefundStatus, wish: RefundWish
    ) -> None:
        dossier, payment = _paid()

        refusal = _refused(_with(dossier, _part(payment, 100, status=status)), wish)

        assert refusal.code is ErrorCode.INVALID_STATE
        assert refusal.detail == "refund R100 has to finish first"

    def test_by_name_is_the_refund_of_that_name_even_when_it_is_done(self) -> None:
        dossier, payment = _paid()
        done = _part(payment, 100, request_key="ticket-7")

        assert plan_refund(_with(dossier, done), part_of(100, "ticket-7")) == done

    def test_by_name_with_another_amount_is_a_mistake(self) -> None:
        dossier, payment = _paid()
        done = _part(payment, 100, request_key="ticket-7")

        refusal = _refused(_with(dossier, done), part_of(50, "ticket-7"))

        assert refusal.code is ErrorCode.IDEMPOTENCY_MISMATCH
