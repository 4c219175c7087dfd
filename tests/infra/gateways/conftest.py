from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from infra.gateways.alipay.gateway import AlipayGateway
from infra.gateways.rsa import load_private_key
from infra.gateways.wechatpay.gateway import WechatPayGateway
from infra.settings import AlipaySettings, WechatPaySettings
from tests.support.notice_keys import (
    AlipaySide,
    WechatPaySide,
    new_key,
    private_pem,
    public_pem,
)
from tests.support.provider_doubles import AlipayDouble, WechatPayDouble


@pytest.fixture(scope="session")
def alipay_side() -> AlipaySide:
    return AlipaySide(new_key())


@pytest.fixture(scope="session")
def wechatpay_side() -> WechatPaySide:
    return WechatPaySide(new_key())


@pytest.fixture(scope="session")
def alipay_settings(
    tmp_path_factory: pytest.TempPathFactory, alipay_side: AlipaySide
) -> AlipaySettings:
    folder = tmp_path_factory.mktemp("alipay")
    (folder / "app.pem").write_bytes(private_pem(new_key()))
    (folder / "alipay.pem").write_bytes(public_pem(alipay_side.key))
    return AlipaySettings(
        gateway_url="https://alipay.test/gateway.do",
        app_id=alipay_side.app_id,
        seller_id=alipay_side.seller_id,
        app_private_key=folder / "app.pem",
        provider_public_key=folder / "alipay.pem",
        timeout_seconds=2.0,
    )


@pytest.fixture
def wechatpay_keys(tmp_path: Path, wechatpay_side: WechatPaySide) -> Path:
    """The folder of WeChat Pay's public keys."""
    folder = tmp_path / "wechatpay"
    folder.mkdir()
    (folder / f"{wechatpay_side.serial}.pem").write_bytes(public_pem(wechatpay_side.key))
    return folder


@pytest.fixture(scope="session")
def merchant_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("merchant") / "merchant_private.pem"
    path.write_bytes(private_pem(new_key()))
    return path


@pytest.fixture
def wechatpay_settings(
    wechatpay_keys: Path, merchant_key: Path, wechatpay_side: WechatPaySide
) -> WechatPaySettings:
    return WechatPaySettings(
        gateway_url="https://wechatpay.test/prefix",
        appid=wechatpay_side.appid,
        mchid=wechatpay_side.mchid,
        merchant_serial="5157F09EFDC096DE15EBE81A47057A72",
        merchant_private_key=merchant_key,
        provider_public_keys=wechatpay_keys,
        api_v3_key=wechatpay_side.api_v3_key.decode(),
        timeout_seconds=2.0,
    )


@pytest.fixture
def alipay(alipay_side: AlipaySide, alipay_settings: AlipaySettings) -> AlipayDouble:
    assert alipay_settings.app_private_key is not None
    return AlipayDouble(alipay_side, load_private_key(alipay_settings.app_private_key).public_key())


@pytest.fixture
async def alipay_gateway(
    alipay: AlipayDouble, alipay_settings: AlipaySettings
) -> AsyncIterator[AlipayGateway]:
    opened = AlipayGateway(alipay_settings, "https://shop.test/", alipay.transport())
    yield opened
    await opened.aclose()


@pytest.fixture
def wechatpay(
    wechatpay_side: WechatPaySide, wechatpay_settings: WechatPaySettings
) -> WechatPayDouble:
    assert wechatpay_settings.merchant_private_key is not None
    merchant = load_private_key(wechatpay_settings.merchant_private_key).public_key()
    return WechatPayDouble(wechatpay_side, merchant)


@pytest.fixture
async def wechatpay_gateway(
    wechatpay: WechatPayDouble, wechatpay_settings: WechatPaySettings
) -> AsyncIterator[WechatPayGateway]:
    opened = WechatPayGateway(wechatpay_settings, "https://shop.test", wechatpay.transport())
    yield opened
    await opened.aclose()
