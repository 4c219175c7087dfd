"""The environment in which the api and the worker of an embedded stack run."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from infra.loopback import is_loopback_url
from practice.stack.home import Home
from practice.stack.processors import HALF_OF_THE_PROCESSORS
from practice.stack.settings import EmbeddedSettings


def application_environment(
    settings: EmbeddedSettings, home: Home, addresses: Mapping[str, str]
) -> dict[str, str]:
    """The caller's own environment, completed. `addresses`: of the parts that run here, by name
    (redis, postgres, temporal, sandbox, api, worker); what is missing runs elsewhere."""
    outside = (settings.public_url, settings.alipay_gateway_url, settings.wechatpay_gateway_url)
    # Anybody may be anybody only where no real money moves and nobody from outside can come.
    practice_login = str(all(is_loopback_url(url) for url in outside if url)).lower()
    environment = {
        **_temporal(addresses.get("temporal")),
        "SECKILL_API_HOST": "127.0.0.1",
        "SECKILL_API_PORT": _port(addresses["api"]),
        "SECKILL_WORKER_METRICS_PORT": _port(addresses["worker"]),
        "SECKILL_PUBLIC_URL": settings.public_url or addresses["api"],
        "SECKILL_JWT_SECRET": jwt_secret(settings, home),
        "SECKILL_DEV_LOGIN": os.environ.get("SECKILL_DEV_LOGIN", practice_login),
        "TOKIO_WORKER_THREADS": os.environ.get("TOKIO_WORKER_THREADS", HALF_OF_THE_PROCESSORS),
    }
    if redis := addresses.get("redis"):
        environment["SECKILL_REDIS_URL"] = redis
    if postgres := addresses.get("postgres"):
        environment["SECKILL_POSTGRES_DSN"] = postgres
    if provider := addresses.get("sandbox"):
        environment["SECKILL_SANDBOX_URL"] = provider
        environment |= practice_accounts(settings, provider, home.sandbox_keys_dir)
    return environment


def jwt_secret(settings: EmbeddedSettings, home: Home) -> str:
    """The caller's own secret, else the one this stack made for itself."""
    return settings.jwt_secret.get_secret_value() if settings.jwt_secret else home.secret("jwt")


def _temporal(address: str | None) -> dict[str, str]:
    if address is None:
        return dict(os.environ)
    # A key or certificate from the caller's Temporal profile is not for this server.
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("TEMPORAL_")}
    own = {"TEMPORAL_ADDRESS": address, "TEMPORAL_NAMESPACE": "default"}
    return {**inherited, **own, "TEMPORAL_CONFIG_FILE": os.devnull}


def practice_accounts(settings: EmbeddedSettings, provider: str, keys: Path) -> dict[str, str]:
    """The merchant's accounts at the practice provider; a real gateway is left as it is set."""
    accounts = json.loads((keys / "accounts.json").read_text())
    environment: dict[str, str] = {}
    if not settings.alipay_gateway_url:
        environment |= {
            "SECKILL_ALIPAY_GATEWAY_URL": f"{provider}/alipay/gateway.do",
            "SECKILL_ALIPAY_APP_ID": accounts["app_id"],
            "SECKILL_ALIPAY_SELLER_ID": accounts["seller_id"],
            "SECKILL_ALIPAY_APP_PRIVATE_KEY": str(keys / "alipay_app_private.pem"),
            "SECKILL_ALIPAY_PROVIDER_PUBLIC_KEY": str(keys / "alipay_provider_public.pem"),
        }
    if not settings.wechatpay_gateway_url:
        api_v3_key = (keys / "wechatpay_api_v3_key.txt").read_text().strip()
        environment |= {
            "SECKILL_WECHATPAY_GATEWAY_URL": f"{provider}/wechatpay",
            "SECKILL_WECHATPAY_APPID": accounts["appid"],
            "SECKILL_WECHATPAY_MCHID": accounts["mchid"],
            "SECKILL_WECHATPAY_MERCHANT_SERIAL": accounts["merchant_serial"],
            "SECKILL_WECHATPAY_MERCHANT_PRIVATE_KEY": str(keys / "wechatpay_merchant_private.pem"),
            "SECKILL_WECHATPAY_PROVIDER_PUBLIC_KEYS": str(keys / "wechatpay_platform"),
            "SECKILL_WECHATPAY_API_V3_KEY": api_v3_key,
        }
    return environment


def _port(address: str) -> str:
    return address.rpartition(":")[2]
