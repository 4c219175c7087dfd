"""Who is told to come back, and who never is: an API that lets each do everything once."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from api.app import create_app
from api.limits import SHARES, Lane, Limits, Traffic, end
from api.metrics import Metrics
from infra.settings import Settings
from tests.support.buyers import assert_problem, click, gate_path
from tests.support.callers import ADA, BOB, JSON, OPERATOR, served
from tests.support.kept_notices import begun, kept
from tests.support.provider_notices import ALIPAY, FORM, alipay_notice
from tests.support.shop import PRICE, Shop

# One now, and the next in a quarter of an hour.
ONCE = 0.001
ONES = (
    "clicks_per_second",
    "calls_per_second",
    "address_calls_per_second",
    "address_failures_per_second",
)
SALES, ORDERS, SEARCH = "/v1/sales", "/v1/orders", "/v1/operator/orders"
JUNK = b"sign=junk&sign_type=RSA2"


def from_(address: str) -> dict[str, str]:
    """As a proxy of ours would pass it on."""
    return {"X-Forwarded-For": address}


@dataclass
class Narrow:
    api: httpx.AsyncClient
    limits: Limits

    def fill(self, traffic: Traffic) -> Lane:
        lane = self.limits.lanes[traffic]
        lane.under_way = lane.most
        return lane

    async def told(self) -> str:
        return (await self.api.get("/metrics")).text


@pytest.fixture
async def narrow(settings: Settings, shop: Shop) -> AsyncIterator[Narrow]:
    app = create_app(settings.model_copy(update=dict.fromkeys(ONES, ONCE)))
    async with served(app) as api:
        yield Narrow(api, app.state.services.limits)


@pytest.fixture
async def wide(settings: Settings, shop: Shop) -> AsyncIterator[Narrow]:
    app = create_app(settings)
    async with served(app) as api:
        yield Narrow(api, app.state.services.limits)


async def test_an_account_that_clicks_without_end_takes_nobodys_turn(
    narrow: Narrow, shop: Shop
) -> None:
    api = narrow.api
    assert (await click(api, shop, ADA)).status_code == 202

    for _ in range(3):
        assert_problem(await click(api, shop, ADA), 429, "RATE_LIMITED")
    # The long way counts in the same bucket.
    twice = [*ADA.items(), *JSON.items(), ("X-Twice", "1"), ("X-Twice", "2")]
    long = await api.post(gate_path(shop), content=b'{"quantity": 1}', headers=twice)
    assert_problem(long, 429, "RATE_LIMITED")
    assert (await click(api, shop, BOB)).status_code == 202

    told = await narrow.told()
    assert 'seckill_gate_verdicts_total{verdict="RATE_LIMITED"} 4.0' in told
    assert 'seckill_api_limited_total{code="RATE_LIMITED",traffic="clicks"} 4.0' in told


async def test_each_buyer_has_his_calls_and_operators_have_no_number(narrow: Narrow) -> None:
    api = narrow.api
    assert (await api.get(ORDERS, headers=ADA)).status_code == 200

    assert_problem(await api.get(ORDERS, headers=ADA), 429, "RATE_LIMITED")
    change = await api.post(f"{ORDERS}/{'0' * 26}/cancel", json={}, headers=ADA)
    assert_problem(change, 429, "RATE_LIMITED")
    assert (await api.get(ORDERS, headers=BOB)).status_code == 200
    for _ in range(3):
        assert (await api.get(SEARCH, headers=OPERATOR)).status_code == 200


async def test_streams_are_calls_like_others(narrow: Narrow) -> None:
    api, forged = narrow.api, {"Authorization": "Bearer a.b.c"} | from_("198.51.100.7")
    assert_problem(await api.get("/v1/me/events", headers=forged), 401, "UNAUTHENTICATED")
    assert_problem(await api.get("/v1/me/events", headers=forged), 429, "RATE_LIMITED")

    events = f"{ORDERS}/{'0' * 26}/events"
    assert_problem(await api.get(events, headers=ADA), 404, "NOT_FOUND")
    assert_problem(await api.get(events, headers=ADA), 429, "RATE_LIMITED")
    assert_problem(await api.get("/v1/me/events", headers=ADA), 429, "RATE_LIMITED")


async def test_what_anybody_may_see_is_counted_by_address(narrow: Narrow) -> None:
    api = narrow.api
    for mine, of_the_same_house in (
        ("198.51.100.1", "198.51.100.1"),
        ("2001:db8:1:2::1", "2001:db8:1:2::2"),
    ):
        assert (await api.get(SALES, headers=from_(mine))).status_code == 200
        refused = await api.get(SALES, headers=from_(of_the_same_house))
        assert_problem(refused, 429, "RATE_LIMITED")
    # Nor does a token that nobody checks there help.
    assert (await api.get(SALES, headers=from_("198.51.100.1") | ADA)).status_code == 429

    assert (await api.get(SALES, headers=from_("198.51.100.2"))).status_code == 200
    assert (await api.get(ORDERS, headers=from_("198.51.100.1") | ADA)).status_code == 200
    assert (await api.get("/healthz", headers=from_("198.51.100.1"))).status_code == 200


async def test_tokens_that_prove_nothing_count_and_a_good_one_passes_beside_them(
    narrow: Narrow, shop: Shop
) -> None:
    api, forged = narrow.api, {"Authorization": "Bearer a.b.c"}
    assert_problem(await api.get(ORDERS, headers=forged), 401, "UNAUTHENTICATED")

    assert_problem(await api.get(ORDERS, headers=forged), 429, "RATE_LIMITED")
    assert_problem(await click(api, shop, forged), 429, "RATE_LIMITED")
    elsewhere = forged | from_("198.51.100.1")
    assert_problem(await click(api, shop, elsewhere), 401, "UNAUTHENTICATED")
    assert (await api.get(ORDERS, headers=ADA)).status_code == 200
    assert (await click(api, shop, BOB)).status_code == 202


async def test_junk_notices_count_and_a_genuine_one_passes_beside_them(
    narrow: Narrow, shop: Shop, provider_key: rsa.RSAPrivateKey
) -> None:
    payment = await begun(shop)
    genuine = alipay_notice(provider_key, payment.payment_id, PRICE)
    first, *more = [await narrow.api.post(ALIPAY, content=JUNK, headers=FORM) for _ in range(3)]

    for _ in range(2):
        answer = await narrow.api.post(ALIPAY, content=genuine, headers=FORM)
        assert answer.content == b"success"
    assert (first.status_code, first.content) == (400, b"fail")
    for answer in more:
        assert_problem(answer, 429, "RATE_LIMITED")
    assert len(await kept(shop)) == 2


async def test_what_buyers_have_under_way_takes_nothing_of_others(
    wide: Narrow, shop: Shop, provider_key: rsa.RSAPrivateKey
) -> None:
    api = wide.api
    payment = await begun(shop)
    for traffic in (Traffic.CLICKS, Traffic.READS, Traffic.CHANGES, Traffic.STRANGERS):
        wide.fill(traffic)

    assert_problem(await click(api, shop), 503, "OVERLOADED")
    assert_problem(await api.get(ORDERS, headers=ADA), 503, "OVERLOADED")
    cancel = await api.post(f"{ORDERS}/{payment.order_id}/cancel", json={}, headers=ADA)
    assert_problem(cancel, 503, "OVERLOADED")
    assert_problem(await api.get(SALES), 503, "OVERLOADED")

    assert (await api.get(SEARCH, headers=OPERATOR)).status_code == 200
    genuine = alipay_notice(provider_key, payment.payment_id, PRICE)
    assert (await api.post(ALIPAY, content=genuine, headers=FORM)).content == b"success"
    told = await wide.told()
    for name in ("clicks", "reads", "changes", "strangers"):
        line = f'seckill_api_limited_total{{code="OVERLOADED",traffic="{name}"}} 1.0'
        assert line in told
    assert f'seckill_api_under_way{{traffic="reads"}} {wide.limits.lanes[Traffic.READS].most}'
    # Refused ones left nothing behind.
    for lane in wide.limits.lanes.values():
        assert lane.under_way in (0, lane.most)


async def test_whatever_becomes_of_a_request_its_place_is_free_again(
    wide: Narrow, shop: Shop
) -> None:
    api = wide.api
    for path in (SALES, "/v1/sales/none", "/nowhere", ORDERS, SEARCH, "/openapi.json"):
        await api.get(path, headers=ADA)
        await api.head(path, headers=OPERATOR)
    await click(api, shop)
    await click(api, shop, {})
    await api.post(f"{ORDERS}/none/payments", content=b"{", headers=ADA | JSON)
    await api.post(ALIPAY, content=JUNK, headers=FORM)

    assert {lane.under_way for lane in wide.limits.lanes.values()} == {0}


def test_a_place_is_given_back_once() -> None:
    limits = Limits(Settings(), Metrics(), 100)
    scope: dict[str, object] = {"type": "http"}
    limits.begin(scope, Traffic.STRANGERS)
    limits.begin(scope, Traffic.READS)
    assert limits.lanes[Traffic.STRANGERS].under_way == 0

    end(scope)
    end(scope)

    assert limits.lanes[Traffic.READS].under_way == 0


def test_all_together_leave_connections_over() -> None:
    lanes = Limits(Settings(), Metrics(), 864).lanes.values()

    assert set(SHARES) == set(Traffic)
    assert sum(lane.most for lane in lanes) < 864
