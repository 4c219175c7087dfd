"""What calls to every outside provider have in common, whichever language they are in."""

from collections.abc import Callable
from datetime import date, datetime

import httpx
import structlog

from domain.bill import Bill, ready_at
from domain.gateway_errors import BillNotReady, Declined, TryLater, UnreadableAnswer
from domain.payment import Charge, ClosedTrade, Trade, TradeState
from infra.gateways.connection import ProviderConnection

log = structlog.get_logger()


class NoBill(Declined):
    """There is no bill of that day: not yet, or because nothing moved."""


class ProviderApi:
    """`provider` is how errors and logs name it."""

    def __init__(self, connection: ProviderConnection) -> None:
        self.provider = connection.provider
        self._connection = connection

    def later(self, operation: str, subject: str, what: str) -> TryLater:
        """The error to raise when the outcome is unknown."""
        return self._connection.later(operation, subject, what)

    def unreadable(self, operation: str, subject: str, what: str) -> UnreadableAnswer:
        """The error to raise for an answer that is the provider's own and makes no sense."""
        return UnreadableAnswer(str(self.later(operation, subject, what)))

    async def aclose(self) -> None:
        await self._connection.aclose()

    async def fetch(self, request: httpx.Request, subject: str) -> bytes:
        """A bill's file. Neither provider signs it: what vouches for it is its signed address."""
        response = await self._connection.send(request, operation="download", subject=subject)
        if not response.is_success:
            raise self.later("download", subject, f"HTTP {response.status_code}")
        return response.content

    def expect(self, answered: tuple[str, ...], asked: tuple[str, ...]) -> None:
        """Raises TryLater for an answer to another question."""
        # A signature covers the answer, not the question: an old answer would verify as well.
        if answered != asked:
            raise self.later("answer", asked[0], "is for something else")

    def closed(self, operation: str, payment_id: str, trade: Trade) -> ClosedTrade:
        """What a close that was refused as paid came to, once `trade` was asked for. Raises
        TryLater if it is neither closed nor paid."""
        if trade.state is TradeState.WAITING:
            raise self.later(operation, payment_id, "refused, though the trade is unpaid")
        receipt = trade.receipt if trade.state is TradeState.PAID else None
        return ClosedTrade(receipt=receipt, returned=trade.returned)

    def bill(self, read: Callable[[bytes], Bill], file: bytes, day: date) -> Bill:
        """Raises TryLater for a file that `read` cannot: an empty bill would pass for the truth."""
        try:
            bill = read(file)
        except ValueError as error:
            raise self.later("download", day.isoformat(), "unreadable bill") from error
        for row in bill.unread:
            log.warning("bill_row_unreadable", provider=self.provider, row=row.reference)
        return bill

    def no_lines(self, day: date, now: datetime) -> Bill:
        """What "there is no bill" means. Raises BillNotReady while it may still come."""
        # Providers say the same of "nothing moved" and "not ready": the clock decides.
        if now < ready_at(day):
            raise BillNotReady(f"{self.provider}: no bill of {day} yet")
        return Bill()

    def check_currency(self, charge: Charge) -> None:
        """Raises Declined for what these providers' Chinese accounts do not take."""
        if charge.currency != "CNY":
            raise Declined(f"{self.provider} takes CNY only, not {charge.currency}")
