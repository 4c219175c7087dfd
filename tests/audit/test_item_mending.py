"""Single orders are put right while everybody goes on buying, each with a row on record."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisAway

from audit.checks import a2_redis
from audit.findings import Finding
from audit.item_mending import mend_items
from audit.run import run_audit
from audit.sources import AuditSources
from domain.attention import AttentionKind
from domain.repair import Repair, RepairKind
from domain.reservation import ReservationState
from infra.postgres.repairs import Repairs
from infra.redis.gate_commands import GateCommands
from infra.redis.keys import DIRECTORY, ItemKeys
from infra.redis.reservation_mending import Mend
from infra.redis.stock_gate import StockGate
from tests.support.audited_orders import cancelled, dispatched, paid
from tests.support.gate import buyers_of, stock_left
from tests.support.refunding import open_attentions
from tests.support.shop import Shop


@pytest.fixture
def nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pause, or a whole item written anew, would be seen."""

    async def refuse(*_: object) -> None:
        raise AssertionError("buyers would see a pause")

    monkeypatch.setattr(GateCommands, "begin_repair", refuse)
    monkeypatch.setattr(StockGate, "rebuild", refuse)


async def found(sources: AuditSources) -> Mapping[str, Finding]:
    return (await a2_redis.look(sources)).findings


async def repairs_of(shop: Shop) -> list[Repair]:
    async with shop.database.transaction() as connection:
        rows, _ = await Repairs(connection).page(None, 100, sale_id=shop.item.sale_id)
    return rows


async def write_line(shop: Shop, order_id: str, line: str) -> None:
    await shop.redis.hset(ItemKeys.of(shop.item.ref).reservations, order_id, line)


async def test_lines_that_drifted_are_written_without_a_pause_and_leave_a_row_each(
    shop: Shop, sources: AuditSources, redis: Redis, nobody_waits: None
) -> None:
    ada = await dispatched(shop, sources, "ada", 2)
    bob, cyd = await paid(shop, sources, "bob"), await cancelled(shop, sources, "cyd")
    # Redis as it was a moment ago: ada had not ordered, bob had not paid, cyd had not cancelled.
    keys = ItemKeys.of(shop.item.ref)
    await redis.hdel(keys.reservations, ada.order_id)
    await redis.hdel(keys.buyers, "ada")
    await write_line(shop, bob.order_id, "held 1 5 bob")
    await write_line(shop, cyd.order_id, "held 1 5 cyd")
    await redis.hset(keys.buyers, "cyd", f"1 {cyd.order_id}")
    await redis.hset(keys.item, mapping={"stock": "18", "held": "2"})

    mended = await mend_items(sources, await found(sources))

    assert set(mended.lines) == {ada.order_id, bob.order_id, cyd.order_id}
    assert mended.rebuilt == []
    assert (await run_audit(sources)).ok
    assert await shop.counts() == (17, 2, 1, 17)
    assert await buyers_of(redis, shop.item.ref) == {"ada": 2, "bob": 1}
    rows = {row.order_id: row for row in await repairs_of(shop)}
    assert rows.keys() == {ada.order_id, bob.order_id, cyd.order_id}
    assert {(row.kind, row.actor, row.outcome) for row in rows.values()} == {
        (RepairKind.RESERVATION, "system", "mended")
    }
    assert rows[ada.order_id].found == "missing"
    assert rows[bob.order_id].should.startswith("sold 1 ")


async def test_what_moved_since_it_was_seen_is_left_alone(
    shop: Shop, sources: AuditSources, monkeypatch: pytest.MonkeyPatch
) -> None:
    intent = await paid(shop, sources, "ada")
    await write_line(shop, intent.order_id, "held 1 5 ada")
    await shop.redis.hset(ItemKeys.of(shop.item.ref).item, "held", "1")
    seen = await found(sources)
    mending = sources.mending
    assert mending is not None
    mend = mending.mend

    async def overtaken(*change: object) -> list[Mend]:
        await shop.gate.sell(intent)
        return await mend(*change)  # type: ignore[arg-type]

    monkeypatch.setattr(mending, "mend", overtaken)
    mended = await mend_items(sources, seen)

    assert mended.lines == []
    assert [row.outcome for row in await repairs_of(shop)] == ["moved"]
    reservation = await shop.gate.reservation(shop.item.ref, intent.order_id)
    assert reservation is not None
    assert reservation.state is ReservationState.SOLD
    # A round more finds it right.
    assert await mend_items(sources, seen) == type(mended)()
    assert len(await repairs_of(shop)) == 1


async def test_who_is_killed_before_redis_is_told_leaves_a_row_and_the_next_round_mends(
    shop: Shop, sources: AuditSources, monkeypatch: pytest.MonkeyPatch
) -> None:
    intent = await paid(shop, sources, "ada")
    await write_line(shop, intent.order_id, "held 1 5 ada")
    await shop.redis.hset(ItemKeys.of(shop.item.ref).item, "held", "1")
    seen, mending = await found(sources), sources.mending
    assert mending is not None

    async def killed(*_: object) -> list[Mend]:
        raise RedisAway("killed")

    with monkeypatch.context() as patch:
        patch.setattr(mending, "mend", killed)
        with pytest.raises(RedisAway):
            await mend_items(sources, seen)
    assert [row.outcome for row in await repairs_of(shop)] == [None]

    assert (await mend_items(sources, seen)).lines == [intent.order_id]
    assert [row.outcome for row in await repairs_of(shop)] == ["mended", None]


async def test_a_unit_granted_twice_is_written_anew_with_its_item(
    shop: Shop, sources: AuditSources, redis: Redis
) -> None:
    intent = await dispatched(shop, sources, "ada")
    keys = ItemKeys.of(shop.item.ref)
    await redis.hdel(keys.reservations, intent.order_id)
    await redis.hdel(keys.buyers, "ada")
    await redis.hset(keys.item, mapping={"stock": "20", "held": "0"})
    seen = await found(sources)
    await shop.intent("bob", 3)
    for user in ("cyd", "dan", "eve", "fay", "gus"):
        await shop.intent(user, 3)
    await shop.intent("hal", 2)
    assert await stock_left(shop.gate, shop.item.ref) == 0

    mended = await mend_items(sources, seen)

    assert mended.rebuilt == [shop.item.ref]
    kept = await shop.gate.reservation(shop.item.ref, intent.order_id)
    assert kept is not None
    assert kept.state is ReservationState.HELD


async def test_terms_and_the_directory_are_brought_without_a_pause(
    shop: Shop, sources: AuditSources, redis: Redis, nobody_waits: None
) -> None:
    await dispatched(shop, sources, "ada")
    await redis.hset(ItemKeys.of(shop.item.ref).item, mapping={"per_user_limit": "50"})
    await redis.delete(DIRECTORY)

    mended = await mend_items(sources, await found(sources))

    assert mended.items == [shop.item.ref]
    assert (await run_audit(sources)).ok
    assert [(row.kind, row.outcome) for row in await repairs_of(shop)] == [
        (RepairKind.TERMS, "done")
    ]


async def test_a_pause_that_a_killed_repair_left_takes_a_whole_one(
    shop: Shop, sources: AuditSources
) -> None:
    item = ItemKeys.of(shop.item.ref).item
    await shop.redis.hset(item, mapping={"paused": "1", "repair": "killed"})

    mended = await mend_items(sources, await found(sources))

    assert mended.rebuilt == [shop.item.ref]
    assert (await a2_redis.look(sources)).findings == {}


async def test_an_item_that_cannot_be_mended_calls_a_person_and_keeps_none_waiting(
    shop: Shop, sources: AuditSources, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = Finding("it is wrong", item=shop.item.ref)
    other = shop.item.ref.model_copy(update={"sale_id": "0"})
    monkeypatch.setattr("audit.item_mending._bring_terms", _fails)
    worse = replace(seen, item=other, whole=True)

    mended = await mend_items(sources, {"a": seen, "b": worse})

    assert mended.items == []
    subject = f"{shop.item.sale_id}/teapot"
    assert await open_attentions(shop) == [(AttentionKind.NOT_HEALED, subject)]


async def _fails(*_: object) -> None:
    raise ValueError("nonsense")
