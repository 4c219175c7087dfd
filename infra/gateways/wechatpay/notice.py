"""WeChat Pay's notices: is it authentic, fresh, ours, and what does it say?"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

import structlog
from pydantic import AwareDatetime

from domain.notice import NoticeKind, RefundReport, Verdict, VerifiedNotice
from domain.payment import PaymentMethod, Receipt
from infra.gateways.protocol import RawNotice, refused_notice
from infra.gateways.wechatpay.wire import PlatformKeys, authenticity, decrypt
from infra.gateways.wire import MAX_NOTICE_BYTES, Fen, Number, WireModel

log = structlog.get_logger()

_REFUND_ENDS = {"SUCCESS": True, "CLOSED": False, "ABNORMAL": False}


class _Resource(WireModel):
    algorithm: Literal["AEAD_AES_256_GCM"]
    ciphertext: str
    nonce: str
    associated_data: str = ""


class _Envelope(WireModel):
    id: Number
    event_type: str
    resource: _Resource


class Amount(WireModel):
    total: Fen
    currency: str = "CNY"


class Transaction(WireModel):
    """A payment as queries and notices show it. Only a paid one has all fields."""

    appid: str
    mchid: str
    out_trade_no: Number
    trade_state: str
    # Some answers write what is not there yet as an empty text.
    transaction_id: Number | Literal[""] | None = None
    amount: Amount | None = None
    success_time: AwareDatetime | Literal[""] | None = None

    def receipt(self) -> Receipt:
        """Raises ValueError if this is not the account of a payment."""
        if not self.transaction_id or self.amount is None or not self.success_time:
            raise ValueError("paid, but without number, amount or time")
        return Receipt(
            method=PaymentMethod.WECHATPAY,
            payment_id=self.out_trade_no,
            trade_no=self.transaction_id,
            amount=self.amount.total,
            paid_at=self.success_time.astimezone(UTC),
        )


class _RefundAmount(WireModel):
    refund: Fen


class _RefundResource(WireModel):
    mchid: str
    out_trade_no: Number
    out_refund_no: Number
    refund_status: str
    amount: _RefundAmount


class WechatPayNotices:
    def __init__(
        self,
        appid: str,
        mchid: str,
        api_v3_key: bytes,
        keys: PlatformKeys,
        clock: Callable[[], datetime],
    ) -> None:
        self._appid = appid
        self._mchid = mchid
        self._api_v3_key = api_v3_key
        self._keys = keys
        self._clock = clock

    def verify(self, raw: RawNotice) -> VerifiedNotice:
        """The notice as far as it can be judged without knowing the payment. Never raises."""
        if len(raw.body) > MAX_NOTICE_BYTES:
            return refused_notice(Verdict.MALFORMED)
        try:
            verdict = authenticity(raw.headers, raw.body, self._keys, self._clock())
            if verdict is not Verdict.ACCEPTED:
                return refused_notice(verdict)
            envelope = _Envelope.model_validate_json(raw.body)
            if envelope.event_type.startswith("TRANSACTION."):
                return self._payment(envelope)
            if envelope.event_type.startswith("REFUND."):
                return self._refund(envelope)
        except (ValueError, OverflowError) as error:
            log.warning("wechatpay_notice_malformed", error=type(error).__name__)
            return refused_notice(Verdict.MALFORMED)
        return VerifiedNotice(
            provider_notice_id=envelope.id, kind=NoticeKind.OTHER, verdict=Verdict.NOT_PAID
        )

    def _payment(self, envelope: _Envelope) -> VerifiedNotice:
        transaction = Transaction.model_validate_json(self._decrypted(envelope.resource))
        verdict = self._verdict(transaction)
        return VerifiedNotice(
            provider_notice_id=envelope.id,
            kind=NoticeKind.PAYMENT,
            verdict=verdict,
            payment_id=transaction.out_trade_no,
            receipt=transaction.receipt() if verdict is Verdict.ACCEPTED else None,
        )

    def _verdict(self, transaction: Transaction) -> Verdict:
        if transaction.appid != self._appid:
            return Verdict.FOREIGN_APP
        if transaction.mchid != self._mchid:
            return Verdict.FOREIGN_SELLER
        if transaction.trade_state != "SUCCESS":
            return Verdict.NOT_PAID
        # Every price here is in yuan: the same number of another currency is another amount.
        if transaction.amount is not None and transaction.amount.currency != "CNY":
            return Verdict.WRONG_AMOUNT
        return Verdict.ACCEPTED

    def _refund(self, envelope: _Envelope) -> VerifiedNotice:
        """A refund's resource names no appid; the merchant is all there is to compare."""
        refund = _RefundResource.model_validate_json(self._decrypted(envelope.resource))
        succeeded = _REFUND_ENDS.get(refund.refund_status)
        verdict, report = Verdict.ACCEPTED, None
        if refund.mchid != self._mchid:
            verdict = Verdict.FOREIGN_SELLER
        elif succeeded is None:
            verdict = Verdict.NOT_PAID
        else:
            report = RefundReport(
                refund_id=refund.out_refund_no,
                payment_id=refund.out_trade_no,
                amount=refund.amount.refund,
                succeeded=succeeded,
            )
        return VerifiedNotice(
            provider_notice_id=envelope.id,
            kind=NoticeKind.REFUND,
            verdict=verdict,
            payment_id=refund.out_trade_no,
            refund=report,
        )

    def _decrypted(self, resource: _Resource) -> bytes:
        return decrypt(
            self._api_v3_key, resource.nonce, resource.associated_data, resource.ciphertext
        )
