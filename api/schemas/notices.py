"""What providers told us, as operators see it."""

from typing import Literal

from pydantic import AwareDatetime

from api.schemas.model import View
from domain.notice import Notice, NoticeKind, Verdict
from domain.payment import PaymentMethod


class NoticeView(View):
    notice_id: str
    method: PaymentMethod
    provider_notice_id: str
    kind: NoticeKind
    verdict: Verdict
    payment_id: str | None
    order_id: str | None
    trade_no: str | None
    amount: int | None
    received_at: AwareDatetime
    handled_at: AwareDatetime | None
    handled_as: str | None


class WechatPayFailure(View):
    """As WeChat Pay wants to be answered when it shall send a notice again."""

    code: Literal["FAIL"] = "FAIL"
    message: str


class NoticesPage(View):
    notices: list[NoticeView]
    next_cursor: str | None


def notice_view(notice: Notice) -> NoticeView:
    receipt = notice.receipt
    return NoticeView(
        **notice.model_dump(exclude={"receipt"}),
        trade_no=receipt.trade_no if receipt else None,
        amount=receipt.amount if receipt else None,
    )
