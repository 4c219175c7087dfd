"""The provider's own book of trades, against which the audit compares ours."""

from collections.abc import AsyncIterator
from typing import Protocol

import httpx
from pydantic import Field

from domain.model import Value
from domain.payment import PaymentMethod
from infra.gateways.connection import ProviderConnection

TIMEOUT_SECONDS = 10.0


class BookTrade(Value):
    """One trade at a provider. `amount`, `paid`, `refunded` in minor units."""

    provider: PaymentMethod
    out_trade_no: str
    trade_no: str | None
    subject: str
    amount: int
    paid: int
    refunded: int
    status: str


class _Page(Value):
    trades: tuple[BookTrade, ...]
    next_cursor: str | None = Field(default=None, coerce_numbers_to_str=True)


class ProviderBook(Protocol):
    def trades(self) -> AsyncIterator[BookTrade]:
        """Every trade the provider knows. Raises TryLater."""
        ...

    async def aclose(self) -> None: ...


class PracticeBook:
    """The book of the practice provider. Real ones have bills, a day late."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/") + "/book"
        self._connection = ProviderConnection("practice provider", TIMEOUT_SECONDS)

    async def trades(self) -> AsyncIterator[BookTrade]:
        cursor: str | None = ""
        while cursor is not None:
            query = {"cursor": cursor} if cursor else {}
            request = self._connection.request("GET", self._url, query=query)
            response = await self._connection.send(request, operation="book", subject=cursor)
            try:
                response.raise_for_status()
                page = _Page.model_validate_json(response.content)
            except (httpx.HTTPStatusError, ValueError) as error:
                raise self._connection.later("book", cursor, "unreadable page") from error
            for trade in page.trades:
                yield trade
            cursor = page.next_cursor or None

    async def aclose(self) -> None:
        await self._connection.aclose()
