"""What is around the stores, as a preflight sees it."""

from typing import cast

import pytest
from temporalio.client import Client

from api.preflight.surroundings import SurroundingChecks
from domain.payment import PaymentMethod
from infra.settings import AlipaySettings, Settings
from tests.support.callers import SECRET
from tests.support.gateway_double import GatewayDouble
from tests.support.message_receiver import Receiver, receiving


def checks(settings: Settings, gateway: GatewayDouble | None = None) -> SurroundingChecks:
    gateways = {PaymentMethod.ALIPAY: gateway} if gateway else {}
    return SurroundingChecks(settings, cast(Client, None), gateways)


def with_alipay(url: str, **changes: object) -> Settings:
    settings = Settings(jwt_secret=SECRET).model_copy(update=changes)
    settings.__dict__["alipay"] = AlipaySettings(gateway_url=url)
    return settings


async def test_a_provider_that_answers_is_asked_for_a_trade_nobody_made() -> None:
    provider = GatewayDouble()

    found = await checks(Settings(), provider).providers()

    assert (found.ok, provider.charges) == (True, {})
    assert "alipay" in found.detail


async def test_a_round_trip_leaves_a_closed_trade_and_no_money() -> None:
    provider = GatewayDouble()

    assert (await checks(Settings(), provider).round_trip()).ok

    (charge,) = provider.charges.values()
    assert provider.closed == {charge.payment_id}
    assert charge.amount == 1


@pytest.mark.parametrize("look", ["providers", "round_trip"])
async def test_a_provider_that_is_away_is_named(look: str) -> None:
    provider = GatewayDouble()
    provider.away = True

    found = await getattr(checks(Settings(), provider), look)()

    assert not found.ok
    assert found.detail.startswith("alipay: TryLater")
    assert found.advice


@pytest.mark.parametrize(
    ("gateway", "dev_login", "ok"),
    [
        ("https://openapi.alipay.example/gateway.do", True, False),
        ("https://openapi.alipay.example/gateway.do", False, True),
        ("http://127.0.0.1:7000/alipay", True, True),
    ],
)
async def test_anybody_is_nobody_beside_a_real_provider(
    gateway: str, dev_login: bool, ok: bool
) -> None:
    assert (await checks(with_alipay(gateway, dev_login=dev_login)).dev_login()).ok is ok


async def test_the_way_in_is_looked_at_from_here_and_says_so() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    async with receiving(Receiver(answer)) as receiver:
        url = receiver.url.removesuffix("/messages")
        found = await checks(with_alipay("", public_url=url)).webhook()
        elsewhere = await checks(with_alipay("https://a.example", public_url=url)).webhook()
    away = await checks(with_alipay("", public_url=url)).webhook()

    assert found.ok
    assert "as seen from here" in found.detail
    assert not elsewhere.ok
    assert "does not answer" in away.detail
