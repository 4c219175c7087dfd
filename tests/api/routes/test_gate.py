"""POST …/orders: a click becomes an order or a clear refusal."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from api.app import create_app
from domain.ids import is_order_id
from domain.reservation import ReservationState
from infra.settings import Settings
from tests.support.buyers import assert_problem, click, gate_path, order_id
from tests.support.callers import ADA, BOB, JSON, bearer, served
from tests.support.gate import set_paused, stock_left
from tests.support.operators import orderable
from tests.support.outages import without
from tests.support.shop import Shop


async def test_an_accepted_click_says_where_the_order_will_be(
    api: httpx.AsyncClient, shop: Shop
) -> None:
    answer = await click(api, shop)

    assert answer.status_code == 202
    accepted = answer.json()
    assert accepted == {"order_id": accepted["order_id"], "status": "queued"}
    assert is_order_id(accepted["order_id"])
    assert answer.headers["location"] == f"/v1/orders/{accepted['order_id']}"
    reservation = await shop.gate.reservation(shop.item.ref, accepted["order_id"])
    assert reservation is not None
    assert reservation.state is ReservationState.HELD
    assert reservation.user_id == "ada"


async def test_never_more_is_accepted_than_there_is(api: httpx.AsyncClient, shop: Shop) -> None:
    callers = [bearer(f"user-{n}") for n in range(12)]

    answers = await asyncio.gather(*(click(api, shop, who) for who in callers))

    assert sorted(answer.status_code for answer in answers) == [202] * 5 + [409] * 7
    for answer in answers:
        if answer.status_code == 409:
            assert_problem(answer, 409, "SOLD_OUT")
    assert await stock_left(shop.gate, shop.item.ref) == 0


async def test_the_limit_names_the_order_that_used_it_up(
    api: httpx.AsyncClient, shop: Shop
) -> None:
    first = (await click(api, shop, quantity=2)).json()["order_id"]

    problem = assert_problem(await click(api, shop), 409, "LIMIT_REACHED")

    assert problem["order_id"] == first
    assert await stock_left(shop.gate, shop.item.ref) == 3


async def test_the_same_key_gives_the_same_answer(api: httpx.AsyncClient, shop: Shop) -> None:
    first = await click(api, shop, key="cart 7!")
    again = await click(api, shop, key="cart 7!")

    assert first.status_code == again.status_code == 202
    assert first.json() == again.json()
    assert first.headers["location"] == again.headers["location"]
    assert await stock_left(shop.gate, shop.item.ref) == 4


async def test_the_same_key_for_another_quantity_is_a_mismatch(
    api: httpx.AsyncClient, shop: Shop
) -> None:
    await click(api, shop, key="cart-7")

    assert_problem(await click(api, shop, quantity=2, key="cart-7"), 409, "IDEMPOTENCY_MISMATCH")


async def test_a_key_belongs_to_its_user(api: httpx.AsyncClient, shop: Shop) -> None:
    mine = await click(api, shop, ADA, key="cart-7")
    yours = await click(api, shop, BOB, key="cart-7")

    assert mine.json()["order_id"] != yours.json()["order_id"]


@pytest.mark.parametrize("key", ["", "k" * 129, "tab\there", "caf\xe9"])
async def test_a_key_is_up_to_128_printable_characters(
    api: httpx.AsyncClient, shop: Shop, key: str
) -> None:
    headers = [(b"authorization", ADA["Authorization"].encode())]
    headers.append((b"idempotency-key", key.encode("latin-1")))
    answer = await api.post(gate_path(shop), json={"quantity": 1}, headers=headers)

    problem = assert_problem(answer, 422, "INVALID")
    assert problem["errors"][0]["loc"] == ["header", "Idempotency-Key"]


async def test_a_key_of_128_characters_is_taken(api: httpx.AsyncClient, shop: Shop) -> None:
    assert (await click(api, shop, key="k" * 128)).status_code == 202


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"7",
        b'"quantity"',
        b"{}",
        b'{"quantity": 0}',
        b'{"quantity": -1}',
        b'{"quantity": 1001}',
        b'{"quantity": 1000000000}',
        b'{"quantity": %s}' % (b"9" * 5000),
        b'{"quantity": "1"}',
        b'{"quantity": 1.0}',
        b'{"quantity": 1e0}',
        b'{"quantity": NaN}',
        b'{"quantity": Infinity}',
        b'{"quantity": true}',
        b'{"quantity": null}',
        b'{"quantity": [1]}',
        b'{"Quantity": 1}',
        b'{"quantity": 1',
        b"quantity=1",
        b"\xff\xfe\x00",
        b"\x00",
        b"[" * 60_000,
    ],
    ids=lambda body: repr(body[:24]),
)
async def test_a_body_without_a_whole_quantity_is_invalid(
    api: httpx.AsyncClient, shop: Shop, body: bytes
) -> None:
    answer = await api.post(gate_path(shop), content=body, headers={**ADA, **JSON})

    problem = assert_problem(answer, 422, "INVALID")
    assert problem["errors"]
    assert len(answer.content) < 1000
    assert await stock_left(shop.gate, shop.item.ref) == 5


@pytest.mark.parametrize(
    "body", [b'{"quantity":1,"quantitty":5}', b'{"quantity":1,"":0}', b'{"sku_id":"x"}']
)
async def test_a_member_nobody_knows_is_invalid(
    api: httpx.AsyncClient, shop: Shop, body: bytes
) -> None:
    answer = await api.post(gate_path(shop), content=body, headers={**ADA, **JSON})

    (error,) = assert_problem(answer, 422, "INVALID")["errors"]
    assert error["loc"][0] == "body"
    assert error["loc"][1] != "quantity"
    assert error["msg"] == "there is no such member"


async def test_more_than_the_limit_in_one_order_is_refused(
    api: httpx.AsyncClient, shop: Shop
) -> None:
    assert_problem(await click(api, shop, quantity=3), 409, "LIMIT_REACHED")


async def test_a_huge_body_is_not_read(api: httpx.AsyncClient, shop: Shop) -> None:
    body = b'{"quantity": 1, "padding": "%s"}' % (b"x" * 1_000_000)

    assert_problem(await api.post(gate_path(shop), content=body, headers=ADA), 413, "INVALID")


async def test_a_huge_body_in_chunks_is_not_read(api: httpx.AsyncClient, shop: Shop) -> None:
    async def chunks() -> object:
        for _ in range(100):
            yield b" " * 10_000

    answer = await api.post(gate_path(shop), content=chunks(), headers={**ADA, **JSON})  # type: ignore[arg-type]

    assert_problem(answer, 413, "INVALID")


@pytest.mark.parametrize(
    ("sale_id", "sku_id"),
    [
        ("nosuchsale", "teapot"),
        (None, "nosuchsku"),
        (None, "teapot%0A"),
        (None, "tea%00pot"),
        (None, "teapot'--"),
        (None, "%E8%8C%B6"),
        (None, "x" * 65),
        ("{sale}", "teapot"),
        ("..%2F..", "teapot"),
    ],
)
async def test_what_is_not_on_sale_is_not_found(
    api: httpx.AsyncClient, shop: Shop, sale_id: str | None, sku_id: str
) -> None:
    path = f"/v1/sales/{sale_id or shop.sale.sale_id}/items/{sku_id}/orders"

    answer = await api.post(path, json={"quantity": 1}, headers=ADA)

    assert_problem(answer, 404, "NOT_FOUND")


async def test_before_the_start_the_answer_says_when(api: httpx.AsyncClient) -> None:
    starts_at = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    path = await orderable(api, starts_at=starts_at.isoformat())

    problem = assert_problem(
        await api.post(path, json={"quantity": 1}, headers=ADA), 409, "NOT_STARTED"
    )

    assert problem["starts_at"].endswith("Z")
    assert datetime.fromisoformat(problem["starts_at"]) == starts_at


async def test_after_the_end_the_answer_says_since_when(api: httpx.AsyncClient) -> None:
    ended = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    starts_at = (ended - timedelta(hours=1)).isoformat()
    path = await orderable(api, starts_at=starts_at, ends_at=ended.isoformat())

    problem = assert_problem(await api.post(path, json={"quantity": 1}, headers=ADA), 409, "ENDED")

    assert datetime.fromisoformat(problem["ends_at"]) == ended


async def test_a_paused_item_is_refused_until_it_resumes(
    api: httpx.AsyncClient, shop: Shop
) -> None:
    await set_paused(shop.gate, shop.item.ref, True)
    assert_problem(await click(api, shop), 409, "PAUSED")

    await set_paused(shop.gate, shop.item.ref, False)
    assert (await click(api, shop)).status_code == 202


async def test_a_full_queue_asks_to_come_back(settings: Settings, shop: Shop) -> None:

    full = settings.model_copy(update={"gate_queue_limit": 0})
    async with served(create_app(full)) as api:
        assert_problem(await click(api, shop), 503, "OVERLOADED")


async def test_other_methods_are_refused_and_say_what_is_allowed(
    api: httpx.AsyncClient, shop: Shop
) -> None:
    answer = await api.get(gate_path(shop), headers=ADA)

    assert_problem(answer, 405, "INVALID")
    assert answer.headers["allow"] == "POST"


async def test_every_verdict_is_counted(settings: Settings, shop: Shop) -> None:
    async with served(create_app(settings)) as api:
        await order_id(api, shop)
        await api.post(gate_path(shop), json={"quantity": 0}, headers=ADA)

        metrics = (await api.get("/metrics")).text

    assert 'seckill_gate_verdicts_total{verdict="ACCEPTED"} 1.0' in metrics
    assert 'seckill_gate_verdicts_total{verdict="INVALID"} 1.0' in metrics
    assert (
        'seckill_api_requests_total{method="POST",'
        'route="/v1/sales/{sale_id}/items/{sku_id}/orders",status="202"} 1.0'
    ) in metrics


async def test_orders_are_accepted_without_postgres_and_temporal(
    settings: Settings, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    async with served(create_app(without(settings, "postgres"))) as api:
        answers = [await click(api, shop, quantity=2), await click(api, shop)]

        assert [answer.status_code for answer in answers] == [202, 409]
        assert (await api.get("/readyz")).status_code == 200
    assert await stock_left(shop.gate, shop.item.ref) == 3
