"""The one shape of every payment provider."""

from collections.abc import Mapping
from datetime import date
from typing import Protocol

from domain.bill import Bill
from domain.notice import NoticeKind, Verdict, VerifiedNotice
from domain.payment import Charge, ClosedTrade, PaymentMethod, QrAction, RedirectAction, Trade
from domain.refund import RefundAnswer, RefundInstruction


class RawNotice:
    """A notice's bytes and headers (lower-case names), untouched."""

    def __init__(self, body: bytes, headers: Mapping[str, str]) -> None:
        self.body = body
        self.headers = headers


def refused_notice(verdict: Verdict) -> VerifiedNotice:
    """A notice of which nothing is believed, not even its number."""
    return VerifiedNotice(provider_notice_id="", kind=NoticeKind.OTHER, verdict=verdict)


class Gateway(Protocol):
    """Calls to one provider. Every call has a timeout, and raises only `GatewayError`s."""

    method: PaymentMethod

    async def create(self, charge: Charge) -> RedirectAction | QrAction | None:
        """Offer the charge to the buyer; asking again for the same payment_id is harmless.
        None: there is nothing left for the buyer to do."""
        ...

    async def query(self, payment_id: str) -> Trade:
        """What the provider knows of the payment; an unknown one is `TradeState.NOT_FOUND`."""
        ...

    async def close(self, payment_id: str) -> ClosedTrade:
        """End an unpaid trade. A trade that is paid answers with its receipt; an unknown or
        closed one counts as closed, and nobody can pay it later."""
        ...

    async def refund(self, instruction: RefundInstruction) -> RefundAnswer:
        """Give money back, once per `refund_id`. Accepted is `PROCESSING`, not `DONE`."""
        ...

    async def query_refund(self, instruction: RefundInstruction) -> RefundAnswer:
        """What became of a refund."""
        ...

    async def verify_notice(self, raw: RawNotice) -> VerifiedNotice:
        """Authenticate a notice. Never raises, never calls out: trouble is a verdict."""
        ...

    async def download_bill(self, day: date) -> Bill:
        """What moved at the provider on one day. Raises `TryLater` while it is not ready."""
        ...

    async def aclose(self) -> None: ...
