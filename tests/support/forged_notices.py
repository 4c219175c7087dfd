"""Every notice that must move nothing, to be shown to a gateway or sent over HTTP.

Build them right before they are used: what is "fresh" in them stays so for five minutes.
"""

from collections.abc import Mapping

from tests.support.forged_alipay import ALIPAY_NAMES, alipay_forgery
from tests.support.forged_wechatpay import WECHATPAY_NAMES, wechatpay_forgery
from tests.support.notice_keys import AlipaySide, Forgery, WechatPaySide


def alipay_forgeries(side: AlipaySide, base: Mapping[str, str]) -> list[Forgery]:
    """`base`: the fields of an honest, unsigned notice (`side.paid(payment_id, "88.00")`)."""
    return [alipay_forgery(name, side, base) for name in ALIPAY_NAMES]


def wechatpay_forgeries(side: WechatPaySide, base: dict[str, object]) -> list[Forgery]:
    """`base`: the resource of an honest notice (`side.paid(payment_id, 8800)`)."""
    return [wechatpay_forgery(name, side, base) for name in WECHATPAY_NAMES]


__all__ = [
    "ALIPAY_NAMES",
    "WECHATPAY_NAMES",
    "AlipaySide",
    "Forgery",
    "WechatPaySide",
    "alipay_forgeries",
    "alipay_forgery",
    "wechatpay_forgeries",
    "wechatpay_forgery",
]
