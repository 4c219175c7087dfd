"""The provider's own book: trades and refunds, changed by compare-and-set only."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum

from practice.provider.storage import Storage

BEIJING = timezone(timedelta(hours=8))


class Provider(StrEnum):
    ALIPAY = "alipay"
    WECHATPAY = "wechatpay"


class Scene(StrEnum):
    PAGE = "page"
    QR = "qr"


class TradeStatus(StrEnum):
    """OFFERED: a QR code nobody has scanned; Alipay says such a trade does not exist."""

    OFFERED = "offered"
    WAITING = "waiting"
    PAID = "paid"
    FINISHED = "finished"
    CLOSED = "closed"
    REFUNDED = "refunded"


class RefundStatus(StrEnum):
    PROCESSING = "processing"
    SUCCESS = "success"
    ABNORMAL = "abnormal"
    CLOSED = "closed"


PAYABLE = (TradeStatus.OFFERED, TradeStatus.WAITING)
SETTLED = (TradeStatus.PAID, TradeStatus.FINISHED, TradeStatus.REFUNDED)


@dataclass(frozen=True)
class Offer:
    """What a merchant asks to be paid. `amount` in fen, `expires_at` in epoch seconds. `attach`
    (Alipay's `passback_params`) and `body` are the merchant's own words, told back to him."""

    provider: Provider
    out_trade_no: str
    scene: Scene
    subject: str
    amount: int
    notify_url: str
    return_url: str
    expires_at: float
    attach: str = ""
    body: str = ""


@dataclass(frozen=True)
class Trade:
    id: int
    provider: str
    out_trade_no: str
    trade_no: str
    code: str
    scene: str
    subject: str
    amount: int
    refunded: int
    status: str
    notify_url: str
    return_url: str
    buyer: str
    created_at: float
    expires_at: float
    paid_at: float | None
    closed_at: float | None
    attach: str = ""
    body: str = ""

    @property
    def paid(self) -> bool:
        return self.status in SETTLED


@dataclass(frozen=True)
class Refund:
    id: int
    trade_id: int
    provider: str
    refund_no: str
    provider_refund_no: str
    amount: int
    reason: str
    notify_url: str
    status: str
    requested_at: float
    settle_at: float
    done_at: float | None


class Book:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def add(self, offer: Offer, status: TradeStatus, now: float) -> Trade:
        """The new trade, or the one that stands already under this number."""
        self._storage.write(
            "INSERT INTO trades (provider, out_trade_no, trade_no, code, scene, subject, amount,"
            " status, notify_url, return_url, buyer, created_at, expires_at, attach, body)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (offer.provider, offer.out_trade_no, _new_number(offer.provider, now),
             secrets.token_urlsafe(12), offer.scene, offer.subject, offer.amount, status,
             offer.notify_url, offer.return_url, f"2088{secrets.randbelow(10**12):012d}", now,
             offer.expires_at, offer.attach, offer.body),
        )  # fmt: skip
        trade = self.trade(offer.provider, offer.out_trade_no)
        if trade is None:
            raise LookupError(offer.out_trade_no)
        return trade

    def trade(self, provider: Provider, out_trade_no: str) -> Trade | None:
        return self._one("WHERE provider = ? AND out_trade_no = ?", provider, out_trade_no)

    def by_trade_no(self, provider: Provider, trade_no: str) -> Trade | None:
        return self._one("WHERE provider = ? AND trade_no = ?", provider, trade_no)

    def by_code(self, code: str) -> Trade | None:
        return self._one("WHERE code = ?", code)

    def by_id(self, trade_id: int) -> Trade:
        trade = self._one("WHERE id = ?", trade_id)
        if trade is None:
            raise LookupError(str(trade_id))
        return trade

    def named(self, out_trade_no: str) -> list[Trade]:
        return self._many("WHERE out_trade_no = ?", out_trade_no)

    def page(self, after: int, limit: int) -> list[Trade]:
        return self._many("WHERE id > ? ORDER BY id LIMIT ?", after, limit)

    def expired(self, provider: Provider, now: float) -> list[Trade]:
        return self._many(
            "WHERE provider = ? AND status = 'waiting' AND expires_at <= ?", provider, now
        )

    def mark_opened(self, trade: Trade) -> Trade:
        """The buyer has opened the cashier: from now on the provider knows the trade."""
        self._change(trade, (TradeStatus.OFFERED,), TradeStatus.WAITING)
        return self.by_id(trade.id)

    def pay(self, trade: Trade, now: float) -> bool:
        """Take the money, if the trade is still open at `now`."""
        if now >= trade.expires_at:
            return False
        return self._change(trade, PAYABLE, TradeStatus.PAID, paid_at=now)

    def close(self, trade: Trade, now: float) -> bool:
        return self._change(trade, PAYABLE, TradeStatus.CLOSED, closed_at=now)

    def finish(self, trade: Trade) -> bool:
        return self._change(trade, (TradeStatus.PAID,), TradeStatus.FINISHED)

    def add_refund(
        self, trade: Trade, refund_no: str, amount: int, *, reason: str, notify_url: str,
        now: float, settle_at: float,
    ) -> Refund:  # fmt: skip
        """Raises sqlite3.IntegrityError if the trade has a refund of this number."""
        row = self._storage.row(
            "INSERT INTO refunds (trade_id, provider, refund_no, provider_refund_no, amount,"
            " reason, notify_url, status, requested_at, settle_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *",
            (trade.id, trade.provider, refund_no, _new_number(trade.provider, now, "5030"), amount,
             reason, notify_url, RefundStatus.PROCESSING, now, settle_at),
        )  # fmt: skip
        if row is None:
            raise LookupError(refund_no)
        return Refund(**dict(row))

    def refunds_of(self, trade: Trade) -> list[Refund]:
        return self._refunds("WHERE trade_id = ? ORDER BY id", trade.id)

    def refunds_numbered(self, provider: Provider, refund_no: str) -> list[Refund]:
        return self._refunds("WHERE provider = ? AND refund_no = ?", provider, refund_no)

    def due_refunds(self, now: float) -> list[Refund]:
        return self._refunds("WHERE status = 'processing' AND settle_at <= ?", now)

    def settle(self, refund: Refund, status: RefundStatus, now: float) -> bool:
        """End a refund in work; SUCCESS moves the money in the same transaction."""
        with self._storage.transaction():
            changed = self._storage.write(
                "UPDATE refunds SET status = ?, done_at = ? WHERE id = ? AND status = 'processing'",
                (status, now, refund.id),
            )
            if changed and status is RefundStatus.SUCCESS:
                self._storage.write(
                    "UPDATE trades SET refunded = refunded + :amount,"
                    " status = CASE WHEN refunded + :amount = amount THEN 'refunded'"
                    " ELSE status END,"
                    " closed_at = CASE WHEN refunded + :amount = amount THEN :now"
                    " ELSE closed_at END WHERE id = :trade_id",
                    {"amount": refund.amount, "now": now, "trade_id": refund.trade_id},
                )
        return changed == 1

    def paid_between(self, provider: Provider, start: float, end: float) -> list[Trade]:
        return self._many(
            "WHERE provider = ? AND paid_at >= ? AND paid_at < ? ORDER BY paid_at",
            provider, start, end,
        )  # fmt: skip

    def refunded_between(
        self, provider: Provider, start: float, end: float
    ) -> list[tuple[Trade, Refund]]:
        refunds = self._refunds(
            "WHERE provider = ? AND status = 'success' AND done_at >= ? AND done_at < ?"
            " ORDER BY done_at",
            provider, start, end,
        )  # fmt: skip
        return [(self.by_id(refund.trade_id), refund) for refund in refunds]

    def refunds_asked_between(
        self, provider: Provider, start: float, end: float
    ) -> list[tuple[Trade, Refund]]:
        """By the time they were asked for, however they ended or whether they have."""
        refunds = self._refunds(
            "WHERE provider = ? AND requested_at >= ? AND requested_at < ? ORDER BY requested_at",
            provider, start, end,
        )  # fmt: skip
        return [(self.by_id(refund.trade_id), refund) for refund in refunds]

    def _change(
        self, trade: Trade, expected: Iterable[TradeStatus], to: TradeStatus, *,
        paid_at: float | None = None, closed_at: float | None = None,
    ) -> bool:  # fmt: skip
        first, *rest = expected
        changed = self._storage.write(
            "UPDATE trades SET status = ?, paid_at = coalesce(?, paid_at),"
            " closed_at = coalesce(?, closed_at) WHERE id = ? AND status IN (?, ?)",
            (to, paid_at, closed_at, trade.id, first, rest[0] if rest else first),
        )
        return changed == 1

    def _one(self, where: str, *parameters: object) -> Trade | None:
        trades = self._many(where, *parameters)
        return trades[0] if trades else None

    def _many(self, where: str, *parameters: object) -> list[Trade]:
        rows = self._storage.rows(f"SELECT * FROM trades {where}", parameters)  # noqa: S608
        return [Trade(**dict(row)) for row in rows]

    def _refunds(self, where: str, *parameters: object) -> list[Refund]:
        rows = self._storage.rows(f"SELECT * FROM refunds {where}", parameters)  # noqa: S608
        return [Refund(**dict(row)) for row in rows]


def beijing(at: float) -> str:
    """ "2024-01-31 09:00:00": both providers write times in China's zone."""
    return datetime.fromtimestamp(at, BEIJING).strftime("%Y-%m-%d %H:%M:%S")


def to_yuan(fen: int) -> str:
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def _new_number(provider: str, now: float, first: str = "4200") -> str:
    """28 digits with the day in them, as the providers' own numbers look. WeChat Pay's begin
    with what they are of (`first`): 4200 a payment, 5030 a refund."""
    day = datetime.fromtimestamp(now, UTC).astimezone(BEIJING).strftime("%Y%m%d")
    if provider == Provider.ALIPAY:
        return f"{day}22001{secrets.randbelow(10**15):015d}"
    return f"{first}{secrets.randbelow(10**6):06d}{day}{secrets.randbelow(10**10):010d}"
