"""What an order's view tells, and to whom."""

from datetime import timedelta

from api.schemas.orders import operator_order_view, order_summary, order_view, queued_view
from domain.delivery import Delivery, DeliveryKind
from domain.order import EventKind, OrderDossier, OrderEvent
from domain.reservation import Reservation, ReservationState
from domain.states import DeliveryStatus, OrderStatus
from tests.support.api_doubles import a_dossier, an_item
from tests.support.values import NOON, a_payment, a_refund


def a_full_dossier() -> OrderDossier:
    order = a_dossier(OrderStatus.FULFILLED).order.model_copy(update={"closed_at": NOON})
    payment = a_payment(order)
    return OrderDossier(
        order=order,
        payments=(payment,),
        refunds=(a_refund(payment, amount=100),),
        deliveries=(
            Delivery(
                order_id=order.order_id,
                kind=DeliveryKind.POINTS,
                status=DeliveryStatus.DONE,
                attempts=1,
            ),
        ),
        events=(OrderEvent(at=NOON, event=EventKind.PLACED, actor="buyer:ada", detail="1 x mug"),),
    )


def test_who_did_what_is_for_operators_alone() -> None:
    dossier = a_full_dossier()

    buyers, operators = order_view(dossier), operator_order_view(dossier)

    line = {"at": NOON, "event": "placed", "detail": "1 x mug"}
    assert [entry.model_dump() for entry in buyers.timeline] == [line]
    assert [entry.model_dump() for entry in operators.timeline] == [{**line, "actor": "buyer:ada"}]
    # Apart from that, and from every payment ever begun, both see the same.
    shared = operators.model_dump(exclude={"payments", "timeline"})
    assert shared == buyers.model_dump(exclude={"timeline"})


def test_a_view_tells_what_hangs_on_the_order() -> None:
    dossier = a_full_dossier()
    (payment,) = dossier.payments

    view = order_view(dossier).model_dump()

    assert view["payment"]["payment_id"] == view["payment"]["out_trade_no"] == payment.payment_id
    assert [(refund["amount"], refund["reason"]) for refund in view["refunds"]] == [(100, "order")]
    assert view["deliveries"] == [{"kind": "points", "status": "done", "attempts": 1, "detail": ""}]
    assert "closed_at" not in view


def test_a_summary_is_the_beginning_of_the_view() -> None:
    dossier = a_full_dossier()

    summary = order_summary(dossier.order).model_dump()

    assert summary.items() <= order_view(dossier).model_dump().items()


def test_a_queued_order_is_told_from_its_reservation() -> None:
    item = an_item()
    reservation = Reservation(
        order_id="O1",
        user_id="ada",
        quantity=3,
        reserved_at_ms=int(NOON.timestamp() * 1000) + 250,
        state=ReservationState.HELD,
    )

    view = queued_view(reservation, item.ref, item)

    assert (view.status, view.sale_id, view.sku_id) == (OrderStatus.QUEUED, "noon", "mug")
    assert (view.amount, view.currency) == (3 * item.price, "CNY")
    assert view.created_at == view.timeline[0].at == NOON + timedelta(milliseconds=250)
    priceless = queued_view(reservation, item.ref, None)
    assert (priceless.amount, priceless.currency) == (None, None)
