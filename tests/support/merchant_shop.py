"""A shop that is a customer of the practice provider, each on a live port."""

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from domain.ids import new_order_id
from domain.notice import NoticeKind, VerifiedNotice
from domain.payment import (
    Charge,
    PaymentMethod,
    PaymentScene,
    payment_id_for,
)
from domain.refund import RefundAnswer, RefundInstruction, RefundState
from infra.gateways.alipay.gateway import AlipayGateway
from infra.gateways.protocol import Gateway, RawNotice
from infra.gateways.provider_book import BookTrade, PracticeBook
from infra.gateways.wechatpay.gateway import WechatPayGateway
from infra.settings import AlipaySettings, WechatPaySettings
from practice.provider.server import create_app
from practice.stack.loopback import loopback_http
from tests.support.http_server import serving
from tests.support.polling import until


@dataclass
class MerchantShop:
    """Our gateways, the provider they talk to, and the notices that came in."""

    provider_url: str
    client: httpx.AsyncClient
    gateways: dict[PaymentMethod, Gateway] = field(default_factory=dict)
    notices: list[VerifiedNotice] = field(default_factory=list)

    async def notify(self, request: Request) -> Response:
        method = PaymentMethod(request.path_params["method"])
        headers = {name.lower(): value for name, value in request.headers.items()}
        raw = RawNotice(await request.body(), headers)
        self.notices.append(await self.gateways[method].verify_notice(raw))
        return PlainTextResponse("success")

    async def pay(self, payment_id: str, url: str | None = None) -> None:
        """What the buyer does; an Alipay page is opened first."""
        response = await self.client.post(f"/trades/{payment_id}/pay", json={"url": url})
        response.raise_for_status()

    async def misbehave(self, payment_id: str, **switches: object) -> None:
        response = await self.client.put(f"/trades/{payment_id}/control", json=switches)
        response.raise_for_status()

    def told(self, kind: NoticeKind, payment_id: str) -> list[VerifiedNotice]:
        return [n for n in self.notices if n.kind is kind and n.payment_id == payment_id]

    async def notice(self, kind: NoticeKind, payment_id: str) -> VerifiedNotice:
        await until(lambda: bool(self.told(kind, payment_id)))
        return self.told(kind, payment_id)[0]

    async def book(self) -> list[BookTrade]:
        book = PracticeBook(self.provider_url)
        lines = [trade async for trade in book.trades()]
        await book.aclose()
        return lines


def alipay_of(keys: Path, provider_url: str) -> AlipaySettings:
    accounts = json.loads((keys / "accounts.json").read_text())
    return AlipaySettings(
        gateway_url=f"{provider_url}/alipay/gateway.do",
        app_id=accounts["app_id"],
        seller_id=accounts["seller_id"],
        app_private_key=keys / "alipay_app_private.pem",
        provider_public_key=keys / "alipay_provider_public.pem",
        timeout_seconds=5.0,
    )


def wechatpay_of(keys: Path, provider_url: str) -> WechatPaySettings:
    accounts = json.loads((keys / "accounts.json").read_text())
    return WechatPaySettings(
        gateway_url=f"{provider_url}/wechatpay",
        appid=accounts["appid"],
        mchid=accounts["mchid"],
        merchant_serial=accounts["merchant_serial"],
        merchant_private_key=keys / "wechatpay_merchant_private.pem",
        provider_public_keys=keys / "wechatpay_platform",
        api_v3_key_file=keys / "wechatpay_api_v3_key.txt",
        timeout_seconds=5.0,
    )


@asynccontextmanager
async def opened_shop(keys: Path) -> AsyncIterator[MerchantShop]:
    async with AsyncExitStack() as stack:
        app = create_app(keys, None, notify_retry_scale=0.001, refund_seconds=0.05)
        provider_url = await stack.enter_async_context(serving(app))
        client = await stack.enter_async_context(loopback_http(provider_url))
        shop = MerchantShop(provider_url, client)
        route = Route("/v1/webhooks/{method}", shop.notify, methods=["POST"])
        url = await stack.enter_async_context(serving(Starlette(routes=[route])))
        shop.gateways = {
            PaymentMethod.ALIPAY: AlipayGateway(alipay_of(keys, provider_url), url),
            PaymentMethod.WECHATPAY: WechatPayGateway(wechatpay_of(keys, provider_url), url),
        }
        yield shop
        for gateway in shop.gateways.values():
            await gateway.aclose()


def charge_for(method: PaymentMethod, scene: PaymentScene = PaymentScene.QR) -> Charge:
    order_id = new_order_id(7, int(time.time() * 1000))
    return Charge(
        payment_id=payment_id_for(order_id, method),
        amount=8805,
        currency="CNY",
        subject="秒杀 手机, 红色 a+b&c=d/e",
        expires_at=datetime.now(UTC) + timedelta(minutes=30),
        scene=scene,
    )


async def paid(shop: MerchantShop, method: PaymentMethod) -> Charge:
    charge = charge_for(method)
    await shop.gateways[method].create(charge)
    await shop.pay(charge.payment_id)
    return charge


async def refund_of(shop: MerchantShop, charge: Charge, method: PaymentMethod) -> RefundInstruction:
    receipt = (await shop.gateways[method].query(charge.payment_id)).receipt
    assert receipt is not None
    return RefundInstruction(
        refund_id=f"R{charge.payment_id}",
        payment_id=charge.payment_id,
        trade_no=receipt.trade_no,
        amount=receipt.amount,
        paid_amount=receipt.amount,
        currency="CNY",
        reason="不要了",
    )


async def until_done(ask: Callable[[], Awaitable[RefundAnswer]]) -> RefundAnswer:
    deadline = time.monotonic() + 60
    while (answer := await ask()).state is RefundState.PROCESSING:
        assert time.monotonic() < deadline
    return answer
