"""Alipay's notices of payments, signed with the practice provider's own key.

They are made before anything is measured: signing is the provider's work.
"""

import secrets
import time
from pathlib import Path

from practice.provider import alipay_wire
from practice.provider.book import Provider, Scene, Trade, TradeStatus
from practice.provider.keys import Keys
from practice.provider.notice_queue import Event, NoticeKind

PATH = "/v1/webhooks/alipay"
ACKNOWLEDGED = b"success"
HEADERS = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}


class NoticeMaker:
    def __init__(self, keys: Path) -> None:
        self._keys = Keys(keys)

    def paid(self, payment_id: str, amount: int) -> bytes:
        """The body that tells of a payment of `amount` fen, made now."""
        now = time.time()
        trade = Trade(
            id=0, provider=Provider.ALIPAY, out_trade_no=payment_id,
            trade_no=f"bench{secrets.token_hex(12)}", code="", scene=Scene.PAGE,
            subject="bench", amount=amount, refunded=0, status=TradeStatus.PAID, notify_url="",
            return_url="", buyer="2088000000000000", created_at=now, expires_at=now + 3600,
            paid_at=now, closed_at=None,
        )  # fmt: skip
        event = Event.of(NoticeKind.PAYMENT, now, trade, None)
        key = self._keys.alipay_provider
        return alipay_wire.notice_body(event, self._keys.accounts, key, now, forged=False)
