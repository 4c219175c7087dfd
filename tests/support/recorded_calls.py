"""Every call our adapters know, made once at the practice provider and written down as sent."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx

from domain.bill import SHANGHAI
from domain.payment import Charge, PaymentScene, RedirectAction
from domain.refund import RefundInstruction
from infra.gateways.protocol import Gateway
from infra.trusted_roots import trusted_roots

# All that somebody's escaping, quoting or encoding could get wrong.
SUBJECT = "纸扇 “A&B” 100% + c=d / e'f\"g\\h <i> 😀 \t末"
REASON = "超卖 & refund = 100%"
AMOUNT = 8801


@dataclass
class Recorder(httpx.AsyncBaseTransport):
    """`requests`: what went out."""

    requests: list[httpx.Request] = field(default_factory=list)
    _wire: httpx.AsyncHTTPTransport = field(
        default_factory=lambda: httpx.AsyncHTTPTransport(verify=trusted_roots())
    )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.requests.append(request)
        return await self._wire.handle_async_request(request)

    async def aclose(self) -> None:
        await self._wire.aclose()


async def every_call(gateway: Gateway, number: str, buyer: httpx.AsyncClient) -> list[str]:
    """Both scenes from the offer to the refund, and the day's bill. Returns the pages to which
    buyers are sent, which no call of ours opens."""
    pages = []
    for scene in PaymentScene:
        charge = Charge(
            payment_id=f"{number}{scene}", amount=AMOUNT, currency="CNY", subject=SUBJECT,
            expires_at=datetime.now(UTC) + timedelta(minutes=15), scene=scene,
        )  # fmt: skip
        action = await gateway.create(charge)
        page = action.url if isinstance(action, RedirectAction) else None
        pages += [page] if page else []
        await gateway.query(charge.payment_id)
        paid = await buyer.post(f"/trades/{charge.payment_id}/pay", json={"url": page})
        paid.raise_for_status()
        await _after_the_money(gateway, charge.payment_id)
    await gateway.close(f"{number}none")
    await gateway.download_bill(datetime.now(SHANGHAI).date())
    return pages


async def _after_the_money(gateway: Gateway, payment_id: str) -> None:
    receipt = (await gateway.query(payment_id)).receipt
    assert receipt is not None
    await gateway.close(payment_id)
    refund = RefundInstruction(
        refund_id=f"R{payment_id}", payment_id=payment_id, trade_no=receipt.trade_no,
        amount=AMOUNT, paid_amount=AMOUNT, currency="CNY", reason=REASON,
    )  # fmt: skip
    await gateway.refund(refund)
    await gateway.query_refund(refund)
