"""A sale as operators look at it: from three stores, as far as they answer, and read once."""

import asyncio
from dataclasses import dataclass, field
from typing import cast

import pytest
from redis.asyncio import Redis
from temporalio.service import RPCError, RPCStatusCode

from api.dashboard import Dashboard
from api.workflow_calls import WorkflowCalls
from domain.attention import AttentionKind
from domain.errors import ErrorCode, Refusal
from domain.ids import new_order_id
from domain.payment import POINTS_CURRENCY, PaymentMethod
from domain.reservation import ReserveRequest
from domain.sale import Item
from domain.states import OrderStatus
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database
from infra.postgres.sales import Sales
from infra.redis import gate_figures
from infra.redis.stock_gate import StockGate
from tests.support.ledger import begin, give_back, open_item, pay, place, settle
from tests.support.values import a_payment


@dataclass
class Visibility:
    """Counts seven of everything. `is_away`: as Temporal says it."""

    is_away: bool = False
    asked: list[str] = field(default_factory=list)

    async def count(self, query: str) -> int:
        self.asked.append(query)
        if self.is_away:
            raise RPCError("away", RPCStatusCode.UNAVAILABLE, b"")
        return 7


def dashboard(database: Database, redis: Redis, visibility: Visibility) -> Dashboard:
    return Dashboard(database, redis, cast(WorkflowCalls, visibility))


@pytest.fixture
def nowhere() -> Redis:
    return Redis.from_url("redis://127.0.0.1:1/0", decode_responses=True)


async def on_sale(database: Database, redis: Redis) -> Item:
    """Ten at the gate, of which three are reserved and one of these is sold."""
    item, gate = await open_item(database), StockGate(redis)
    async with database.transaction() as connection:
        sale = await Sales(connection).get(item.sale_id)
    assert sale is not None
    terms = sale.terms_of(item).model_copy(
        update={"paused": False, "starts_at_ms": 1_000, "ends_at_ms": 4_000_000_000_000}
    )
    await gate.preheat(terms, item.available, item.total)
    for user_id, quantity in (("ada", 2), ("bob", 1)):
        order_id = new_order_id(item.item_number, 1)
        asked = ReserveRequest(
            item=item.ref, order_id=order_id, user_id=user_id, quantity=quantity, announce=True
        )
        await gate.reserve(asked)
    return item


async def test_it_adds_up_what_the_stores_say(database: Database, redis: Redis) -> None:
    item = await on_sale(database, redis)
    paid, back, open_ = [await place(database, item, user) for user in ("ada", "bob", "eve")]
    await pay(database, paid)
    await give_back(database, back, await pay(database, back, PaymentMethod.WECHATPAY))
    async with database.transaction() as connection:
        for subject, order_id in (
            ("A", open_.order_id),
            ("noon:mug:7-0", None),
            ("noon/mug", None),
            ("C", None),
        ):
            await Attentions(connection).raise_(
                AttentionKind.STOCK_DRIFT, subject, order_id=order_id, what="w", advice="a"
            )

    view = await dashboard(database, redis, Visibility()).of("noon")

    (shown,) = view.items
    assert shown.ledger is not None
    assert shown.gate is not None
    assert (shown.ledger.total, shown.ledger.held, shown.ledger.sold) == (10, 1, 1)
    assert (shown.gate.total, shown.gate.stock, shown.gate.held) == (10, 7, 3)
    assert (shown.gate.sold, shown.gate.paused) == (0, False)
    assert (shown.gate.intents, shown.gate.dead, shown.gate.room) == (2, 0, None)
    assert view.orders is not None
    assert {status: one.orders for status, one in view.orders.items()} == {
        OrderStatus.PAID: 1,
        OrderStatus.REFUNDED: 1,
        OrderStatus.PENDING_PAYMENT: 1,
    }
    assert [(m.method, m.received, m.refunded) for m in view.money or ()] == [
        ("alipay", paid.amount, 0),
        ("wechatpay", back.amount, back.amount),
    ]
    assert view.attention is not None
    assert (view.attention.of_sale, view.attention.elsewhere) == (3, 1)
    assert view.workflows is not None
    assert view.workflows.running == 7
    assert (view.refusals, view.missing) == ({}, [])


async def test_many_who_look_are_one_read(database: Database, redis: Redis) -> None:
    await on_sale(database, redis)
    visibility = Visibility()
    shown = dashboard(database, redis, visibility)

    views = await asyncio.gather(*(shown.of("noon") for _ in range(50)))

    assert len(visibility.asked) == 2
    assert all(view is views[0] for view in views)


async def test_what_is_away_is_named_and_the_rest_is_shown(
    database: Database, redis: Redis, nowhere: Redis
) -> None:
    item = await on_sale(database, redis)

    view = await dashboard(database, nowhere, Visibility(is_away=True)).of("noon")

    assert {one.part for one in view.missing} == {"gate", "workflows"}
    assert (view.items[0].gate, view.workflows) == (None, None)
    assert view.items[0].ledger is not None
    assert view.items[0].ledger.total == item.total
    assert view.orders == {}
    await nowhere.aclose()


async def test_too_many_to_count_are_not_counted(
    database: Database, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    await on_sale(database, redis)
    monkeypatch.setattr(gate_figures, "COUNTED_AT_MOST", 1)

    view = await dashboard(database, redis, Visibility()).of("noon")

    gate = view.items[0].gate
    assert gate is not None
    assert (gate.stock, gate.held, gate.sold) == (7, None, None)
    assert [one.part for one in view.missing] == ["held and sold of mug"]


async def test_while_postgres_is_away_the_gate_is_shown_of_a_sale_that_was_seen(
    database: Database, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    await on_sale(database, redis)
    shown = dashboard(database, redis, Visibility())
    await shown.of("noon")
    shown._views.forget()
    monkeypatch.setattr(shown, "_database", Database.connect("postgresql://x@127.0.0.1:1/none"))

    view = await shown.of("noon")

    assert [one.part for one in view.missing] == ["ledger"]
    assert view.items[0].gate is not None
    assert (view.items[0].ledger, view.orders, view.money, view.attention) == (None,) * 4
    with pytest.raises(OSError, match="Connect"):
        await shown.of("never-seen")


async def test_an_unknown_sale_is_not_found(database: Database, redis: Redis) -> None:
    with pytest.raises(Refusal) as refused:
        await dashboard(database, redis, Visibility()).of("nosuch")

    assert refused.value.code is ErrorCode.NOT_FOUND


async def test_points_are_no_yuan(database: Database, redis: Redis) -> None:
    order = await place(database, await on_sale(database, redis), "ada")
    in_points = {"currency": POINTS_CURRENCY}
    payment = a_payment(order, PaymentMethod.POINTS, 500).model_copy(update=in_points)
    assert await settle(database, await begin(database, payment))

    view = await dashboard(database, redis, Visibility()).of("noon")

    assert [(m.method, m.currency, m.received) for m in view.money or ()] == [
        ("points", POINTS_CURRENCY, 500)
    ]
