"""Which providers this installation has: those whose settings are complete."""

from collections.abc import Callable, Mapping

import structlog

from domain.payment import PaymentMethod
from infra.gateways.alipay.gateway import AlipayGateway
from infra.gateways.alipay.notice import AlipayNotices
from infra.gateways.breaker import BreakerGateway
from infra.gateways.points.gateway import PointsGateway
from infra.gateways.protocol import Gateway
from infra.gateways.rsa import load_public_key
from infra.gateways.wechatpay.gateway import WechatPayGateway
from infra.postgres.engine import Database
from infra.settings import AlipaySettings, Settings, WechatPaySettings

log = structlog.get_logger()

ReturnCheck = Callable[[Mapping[str, str]], str | None]


def open_gateways(settings: Settings, database: Database) -> dict[PaymentMethod, Gateway]:
    """Points always, for they are ours; a provider when its settings are complete.

    Raises UnusableKey when a provider is configured with a key that cannot be read.
    """
    gateways: list[Gateway] = []
    if _enabled(settings.alipay):
        gateways.append(AlipayGateway(settings.alipay, settings.public_url))
    if _enabled(settings.wechatpay):
        gateways.append(WechatPayGateway(settings.wechatpay, settings.public_url))
    guarded = {gateway.method: BreakerGateway(gateway) for gateway in gateways}
    return {**guarded, PaymentMethod.POINTS: PointsGateway(database)}


def open_return_check(settings: Settings) -> ReturnCheck | None:
    """For the page a buyer comes back to from Alipay: query parameters in, the payment_id out,
    or None if they are not authentic and ours. It changes and proves nothing about money."""
    alipay = settings.alipay
    if not alipay.enabled or alipay.provider_public_key is None:
        return None
    key = load_public_key(alipay.provider_public_key)
    return AlipayNotices(key, alipay.app_id, alipay.seller_id).verify_return


def _enabled(provider: AlipaySettings | WechatPaySettings) -> bool:
    if provider.gateway_url and not provider.enabled:
        log.warning("provider_settings_incomplete", prefix=provider.model_config.get("env_prefix"))
    return provider.enabled
