"""Money that no order takes and that cannot go back by itself: a person is told of it."""

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.attention import AttentionKind
from domain.payment import Receipt
from infra.postgres.attentions import Attentions
from infra.postgres.refunds import Refunds


async def tell_of_stranded_money(
    connection: AsyncConnection, order_id: str | None, receipt: Receipt, why: str
) -> None:
    """Money is at the provider, and nothing of ours can give it back."""
    await _tell(
        connection,
        order_id,
        receipt,
        what=f"{_named(receipt)}, and it neither pays an order nor goes back by itself: {why}",
        advice="Look the trade up in the provider's console. Give the money back there, unless a"
        " repair brought its order back and that is paid with it; then resolve this.",
    )


async def tell_of_returned_money(
    connection: AsyncConnection, order_id: str, receipt: Receipt
) -> None:
    """The payment was paid, and money of it went back, all or a part: it pays no order. That is
    as it should be where the refund is one of ours."""
    if await Refunds(connection).promised(receipt.payment_id):
        return
    await _tell(
        connection,
        order_id,
        receipt,
        what=f"{_named(receipt)}, and that all or a part of it went back, for which we did not"
        " ask: it does not pay the order",
        advice="Find out in the provider's console who gave it back, and how much. Give back there"
        " what is left of it, or deliver by hand what the buyer paid for; then resolve this.",
    )


def _named(receipt: Receipt) -> str:
    return (
        f"{receipt.method} says {receipt.amount} (minor units) came as trade {receipt.trade_no}"
        f" for payment {receipt.payment_id}"
    )


async def _tell(
    connection: AsyncConnection, order_id: str | None, receipt: Receipt, *, what: str, advice: str
) -> None:
    # Once for each trade: providers repeat themselves, and what a person resolved is over.
    await Attentions(connection).raise_once(
        AttentionKind.SURPLUS_MONEY, receipt.trade_no, order_id=order_id, what=what, advice=advice
    )
