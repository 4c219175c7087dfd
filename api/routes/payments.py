"""Paying an order, and the page a buyer comes back to."""

from html import escape

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from api.deps import CallerDep, OrderId, ServicesDep
from api.openapi_problems import refuses
from api.schemas.payments import PaymentBody, PaymentView, payment_view
from domain.errors import ErrorCode
from domain.payment import order_id_of_payment
from domain.states import OrderStatus

router = APIRouter(tags=["buyer"])


@router.post(
    "/v1/orders/{order_id}/payments",
    summary="Begin, or look again at, a payment",
    openapi_extra=refuses(
        ErrorCode.FORBIDDEN, ErrorCode.INVALID_STATE, ErrorCode.INSUFFICIENT_POINTS
    ),
)
async def begin_payment(
    order_id: OrderId, body: PaymentBody, caller: CallerDep, services: ServicesDep
) -> PaymentView:
    """Asked again for the same method it is the same payment. With points the order is paid at
    once; else `action` says where the buyer pays. Right after an order was accepted this waits a
    moment for it to be taken up."""
    payment = await services.payments.begin(order_id, caller, body.method, body.scene)
    return payment_view(payment)


_SAID = {
    OrderStatus.PENDING_PAYMENT: (
        "Waiting for Alipay's word",
        "As soon as Alipay confirms the payment, your order goes on by itself.",
    ),
    OrderStatus.PAID: ("Paid. Thank you!", "Your order is on its way."),
    OrderStatus.FULFILLED: ("Paid. Thank you!", "Your order is complete."),
    OrderStatus.CANCELLED: ("The order was cancelled", "If money was taken, it is given back."),
    OrderStatus.TIMED_OUT: (
        "The time to pay is over",
        "The order was given up. If money was taken, it is given back.",
    ),
    OrderStatus.REFUNDING: ("Your money is on its way back", "The order is being refunded."),
    OrderStatus.REFUNDED: ("Your money was given back", "The order was refunded."),
}
_UNKNOWN = ("We cannot read this address", "Please look at your order in the shop.")


_HTML = {"text/html": {"schema": {"type": "string"}}}
# Read as they come, all of them, as all of them are signed.
_SIGNED_BY_ALIPAY = [
    {"name": name, "in": "query", "required": False, "schema": {"type": "string"}}
    for name in (
        *("out_trade_no", "trade_no", "total_amount", "app_id", "seller_id", "method"),
        *("timestamp", "charset", "version", "sign", "sign_type"),
    )
]


@router.get(
    "/v1/payments/alipay/return",
    summary="Where Alipay sends the buyer's browser back to; changes nothing",
    tags=["providers"],
    response_class=HTMLResponse,
    responses={
        200: {"description": "A page that says how the order stands"},
        400: {"description": "A page: the address is not one that Alipay signed", "content": _HTML},
        404: {
            "description": "A page: Alipay signed it, and we know no such order",
            "content": _HTML,
        },
    },
    openapi_extra={"parameters": _SIGNED_BY_ALIPAY},
)
async def alipay_return(request: Request, services: ServicesDep) -> HTMLResponse:
    """Reads what Alipay wrote into the address, and believes it only with Alipay's signature. That
    money has arrived is never learnt here: notices tell, or asking Alipay."""
    check = services.return_check
    payment_id = check(dict(request.query_params)) if check else None
    order_id = order_id_of_payment(payment_id) if payment_id else None
    dossier = await services.orders.dossier(order_id) if order_id else None
    if dossier is None:
        return HTMLResponse(_page(*_UNKNOWN, ""), status_code=404 if payment_id else 400)
    order = dossier.order
    return HTMLResponse(_page(*_SAID.get(order.status, _UNKNOWN), order.order_id))


def _page(headline: str, text: str, order_id: str) -> str:
    reference = f"<p class=order>Order {escape(order_id)}</p>" if order_id else ""
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(headline)}</title>
<style>
  body {{ font: 18px/1.5 system-ui, sans-serif; background: #f5f6f8; color: #1c2430;
         display: grid; place-items: center; min-height: 100vh; margin: 0 }}
  main {{ background: #fff; border-radius: 16px; padding: 2.5rem 3rem; max-width: 28rem;
         box-shadow: 0 8px 30px rgb(0 0 0 / 8%); text-align: center }}
  h1 {{ font-size: 1.5rem; margin: 0 0 .5rem }}
  .order {{ color: #6b7685; font-size: .85rem; overflow-wrap: anywhere }}
</style>
<main>
  <h1>{escape(headline)}</h1>
  <p>{escape(text)}</p>
  {reference}
</main>
</html>
"""
