"""The API over HTTP as a stranger would call it, on real stores."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from fastapi import FastAPI
from redis.asyncio import Redis

from api.app import create_app
from infra.postgres.engine import Database
from infra.settings import Settings
from tests.support.callers import SECRET, served
from tests.support.provider_notices import API_V3_KEY, APP_ID, APPID, MCHID, SELLER_ID, SERIAL
from tests.support.shop import Shop
from tests.support.streams import announcing, live


@pytest.fixture(scope="session")
def provider_key() -> rsa.RSAPrivateKey:
    """The key a payment provider signs with. Short, because each app that starts checks it."""
    return rsa.generate_private_key(public_exponent=65537, key_size=1024)


@pytest.fixture(scope="session")
def provider_files(
    provider_key: rsa.RSAPrivateKey, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """Our key, and the provider's in a folder of its own; one key signs everything."""
    folder = tmp_path_factory.mktemp("accounts")
    private, public = folder / "merchant.pem", folder / "keys" / f"{SERIAL}.pem"
    public.parent.mkdir()
    private.write_bytes(
        provider_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    public.write_bytes(
        provider_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return private, public


@pytest.fixture
def provider_accounts(provider_files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """We are a merchant at Alipay and at WeChat Pay."""
    private, public = provider_files
    accounts = {
        "ALIPAY_GATEWAY_URL": "http://127.0.0.1:9/alipay",
        "ALIPAY_APP_ID": APP_ID,
        "ALIPAY_SELLER_ID": SELLER_ID,
        "ALIPAY_APP_PRIVATE_KEY": str(private),
        "ALIPAY_PROVIDER_PUBLIC_KEY": str(public),
        "WECHATPAY_GATEWAY_URL": "http://127.0.0.1:9/wechatpay",
        "WECHATPAY_APPID": APPID,
        "WECHATPAY_MCHID": MCHID,
        "WECHATPAY_MERCHANT_SERIAL": "M1",
        "WECHATPAY_MERCHANT_PRIVATE_KEY": str(private),
        "WECHATPAY_PROVIDER_PUBLIC_KEYS": str(public.parent),
        "WECHATPAY_API_V3_KEY": API_V3_KEY,
    }
    for name, value in accounts.items():
        monkeypatch.setenv(f"SECKILL_{name}", value)


@pytest.fixture
def settings(
    redis_url: str,
    postgres_dsn: str,
    temporal_address: str,
    provider_accounts: None,
    monkeypatch: pytest.MonkeyPatch,
) -> Settings:
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_address)
    return Settings(
        redis_url=redis_url,
        postgres_dsn=postgres_dsn,
        postgres_pool_size=5,
        jwt_secret=SECRET,
        dev_login=True,
    )


@pytest.fixture
async def api(
    settings: Settings, redis: Redis, database: Database
) -> AsyncIterator[httpx.AsyncClient]:
    """Everything answers, nothing is on sale. What the app opens is opened for each test; its
    routes are made ready once, which takes longer than calling them."""
    async with served(_app_of(settings)) as client:
        yield client


_latest: list[tuple[Settings, FastAPI]] = []


def _app_of(settings: Settings) -> FastAPI:
    if not _latest or _latest[0][0] != settings:
        _latest[:] = [(settings, create_app(settings))]
    return _latest[0][1]


@pytest.fixture
def shop(shop_without_worker: Shop) -> Shop:
    """One published sale with one item."""
    return shop_without_worker


@pytest.fixture
async def staffed(shop: Shop) -> AsyncIterator[Shop]:
    """The shop with a worker: orders that are started go on."""
    async with shop.worker():
        yield shop


@pytest.fixture
async def http(settings: Settings, shop: Shop) -> AsyncIterator[httpx.AsyncClient]:
    # Whatever comes, comes by a message: the look is far away.
    async with live(settings.model_copy(update={"stream_look_seconds": 3600.0})) as opened:
        yield opened


@pytest.fixture
async def ledger(postgres_dsn: str, redis: Redis, shop: Shop) -> AsyncIterator[Database]:
    async with announcing(postgres_dsn, redis) as opened:
        yield opened
