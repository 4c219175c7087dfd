"""What can be wrong at a payment provider, in a few words all providers share."""


class GatewayError(Exception):
    """Base of all; the message names the provider's own code and never a secret."""


class Declined(GatewayError):
    """The provider understood and will not do it; asking again does not help."""


class TradeNotFound(GatewayError):
    """The provider knows no such trade (the buyer may never have opened the cashier)."""


class AlreadyPaid(GatewayError):
    """The trade cannot be closed: the buyer has paid."""


class AlreadyClosed(GatewayError):
    """The trade is closed, so it can be neither paid nor refunded."""


class NotEnoughPoints(GatewayError):
    """Nothing was taken: the account holds `balance` of the `needed` points."""

    def __init__(self, balance: int, needed: int) -> None:
        super().__init__(f"{needed} points needed, {balance} there")
        self.balance, self.needed = balance, needed


# Its own word beside Declined: what may have been done must never be taken for refused.
class TryLater(GatewayError):
    """No answer, a broken answer or a busy provider: the outcome is unknown; ask again."""


class BuyerIsPaying(TryLater):
    """The buyer is typing his password: the trade is neither paid nor closed for some seconds."""


class UnreadableAnswer(TryLater):
    """The provider's own answer, signed and in time, makes no sense here: it will not by itself,
    so a person is called, and other payments are no worse off."""


class BillNotReady(TryLater):
    """The provider answers well, but has no bill of that day yet."""
