"""The practice gateway's own book, and trades that a test writes into it."""

from collections.abc import AsyncIterator

from domain.gateway_errors import TryLater
from domain.payment import PaymentMethod
from infra.gateways.provider_book import BookTrade
from tests.support.gateway_double import GatewayDouble


class PaperBook:
    def __init__(self, gateway: GatewayDouble) -> None:
        self._gateway = gateway
        self.extra: list[BookTrade] = []
        self.refunded: dict[str, int] = {}
        self.away = False

    async def trades(self) -> AsyncIterator[BookTrade]:
        if self.away:
            raise TryLater("the book is closed")
        for payment_id, charge in self._gateway.charges.items():
            receipt = self._gateway.receipts.get(payment_id)
            yield book_trade(
                payment_id,
                amount=charge.amount,
                paid=receipt.amount if receipt else 0,
                refunded=self.refunded.get(payment_id, 0),
            )
        for trade in self.extra:
            yield trade

    async def aclose(self) -> None:
        return None


def book_trade(payment_id: str, *, amount: int, paid: int, refunded: int = 0) -> BookTrade:
    return BookTrade(
        provider=PaymentMethod.ALIPAY,
        out_trade_no=payment_id,
        trade_no=f"T-{payment_id}",
        subject="A teapot",
        amount=amount,
        paid=paid,
        refunded=refunded,
        status="paid" if paid else "waiting",
    )
