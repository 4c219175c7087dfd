from redis.asyncio import Redis

from domain.reservation import GateVerdict, Reservation, ReservationState, StockReturn
from domain.room import RoomVerdict
from domain.sale_command import CommandKind
from infra.redis.gate_commands import Stop, Verdict
from infra.redis.keys import LIVE_ROOMS, ItemKeys
from infra.redis.stock_gate import StockGate
from tests.support.gate import (
    ITEM,
    buyers_of,
    intent_for,
    request_for,
    set_paused,
    stock_left,
    stop_command,
    terms_of,
)
from tests.support.rooms import Room


async def verdict_of(gate: StockGate, order_id: str) -> GateVerdict:
    return (await gate.reserve(request_for(order_id, f"user of {order_id}"))).verdict


class TestVersions:
    async def test_what_is_older_than_the_gate_changes_nothing(self, gate: StockGate) -> None:
        await gate.preheat(terms_of(version=3, limit=2), 5)

        late = await gate.commands.write(terms_of(version=2, limit=9), total=50)

        assert late == (Verdict.OLDER, 3)
        assert await gate.terms(ITEM) == terms_of(version=3, limit=2)
        assert await stock_left(gate) == 5

    async def test_a_rebuild_of_an_older_version_changes_nothing(self, gate: StockGate) -> None:
        await gate.preheat(terms_of(version=3), 5)

        assert await gate.rebuild(terms_of(version=2), 9, []) == (Verdict.OLDER, 3)
        assert await stock_left(gate) == 5

    async def test_a_repair_that_another_took_over_from_changes_nothing(
        self, gate: StockGate
    ) -> None:
        await gate.preheat(terms_of(), 5)
        first = await gate.commands.begin_repair(ITEM)
        second = await gate.commands.begin_repair(ITEM)

        assert (await gate.rebuild(terms_of(), 9, [], repair=first)).verdict is Verdict.OVERTAKEN
        await gate.commands.give_up_repair(ITEM, first)
        assert await verdict_of(gate, "O1") is GateVerdict.PAUSED
        assert (await gate.rebuild(terms_of(), 9, [], repair=second)).verdict is Verdict.WRITTEN
        assert await verdict_of(gate, "O1") is GateVerdict.RESERVED

    async def test_a_repair_that_tries_again_adopts_nothing_of_its_first_try(
        self, gate: StockGate, redis: Redis
    ) -> None:
        await gate.preheat(terms_of(version=3), 5)
        repair = await gate.commands.begin_repair(ITEM)
        gone = Reservation(
            order_id="A", user_id="alice", quantity=1, state=ReservationState.HELD, reserved_at_ms=1
        )

        late = await gate.rebuild(terms_of(version=2), 4, [gone], repair=repair)
        done = await gate.rebuild(terms_of(version=3), 5, [], repair=repair)

        assert (late.verdict, done.verdict) == (Verdict.OLDER, Verdict.WRITTEN)
        assert await buyers_of(redis) == {}
        assert [line async for line in gate.reservations(ITEM)] == []


class TestUnits:
    async def test_come_and_go_once_however_often_it_is_said(self, gate: StockGate) -> None:
        await gate.preheat(terms_of(), 5)
        assert await verdict_of(gate, "O1") is GateVerdict.RESERVED

        for total in (8, 8, 6, 6):
            assert (await gate.commands.write(terms_of(), total=total)).verdict is Verdict.WRITTEN

        assert await stock_left(gate) == 5

    async def test_of_an_item_of_an_earlier_release_are_counted_first(
        self, gate: StockGate, redis: Redis
    ) -> None:
        await gate.preheat(terms_of(), 5)
        for order_id in ("O1", "O2", "O3"):
            await verdict_of(gate, order_id)
        await gate.release(ITEM, "O3", StockReturn.RELEASE)
        await redis.hdel(ItemKeys.of(ITEM).item, "total", "version", "sale_paused")

        await gate.commands.write(terms_of(version=2), total=9)

        assert await stock_left(gate) == 7

    async def test_that_are_held_or_promised_are_not_taken_back(self, queue: Room) -> None:
        for user in ("ada", "bob", "cyd"):
            await queue.join(user)
        await queue.turn()
        await queue.order("ada")
        await queue.enter("bob")
        write = queue.gate.commands.write

        assert await write(queue.terms, total=2, only_free=True) == (Verdict.SHORT, 0)
        assert (await queue.counts())["stock"] == 2
        await write(queue.terms, total=5, only_free=True)
        assert (await write(queue.terms, total=3, only_free=True)).verdict is Verdict.WRITTEN
        assert (await queue.counts())["stock"] == 2

    async def test_that_come_call_who_waits_though_the_room_was_over(self, sold_out: Room) -> None:
        await sold_out.join("ada")
        await sold_out.gate.sell(intent_for("O1", "owner"))
        await sold_out.turn()
        assert (await sold_out.join("bob")).verdict is RoomVerdict.OVER
        await sold_out.redis.delete(LIVE_ROOMS)

        await sold_out.gate.commands.write(sold_out.terms, total=2)

        assert await sold_out.redis.scard(LIVE_ROOMS) == 1
        assert await sold_out.turn() == ["ada"]
        assert (await sold_out.order("ada")).verdict is GateVerdict.RESERVED


class TestStops:
    async def test_last_until_they_are_on_record_whatever_is_written(self, gate: StockGate) -> None:
        await gate.preheat(terms_of(), 5)
        stop = await gate.commands.stop(ITEM, stop_command())
        assert stop is not None
        assert await gate.commands.stop_of(ITEM) == stop

        await gate.commands.write(terms_of(version=2))
        await gate.rebuild(terms_of(version=2), 5, [])
        await gate.commands.write(terms_of(version=2), settled="another stop")
        assert await verdict_of(gate, "O1") is GateVerdict.PAUSED

        await gate.commands.write(terms_of(version=2), settled=stop.text)
        assert await verdict_of(gate, "O1") is GateVerdict.RESERVED
        assert await gate.commands.stop_of(ITEM) is None

    async def test_a_pause_makes_no_less_of_a_close(self, gate: StockGate) -> None:
        await gate.preheat(terms_of(), 5)
        await gate.commands.stop(ITEM, stop_command(CommandKind.PAUSE))
        closed = await gate.commands.stop(ITEM, stop_command(CommandKind.CLOSE))

        assert await gate.commands.stop(ITEM, stop_command(CommandKind.PAUSE)) == closed

    async def test_a_sale_that_goes_on_in_a_repair_waits_for_its_end(self, gate: StockGate) -> None:
        await gate.preheat(terms_of(paused=True), 5)
        repair = await gate.commands.begin_repair(ITEM)
        await set_paused(gate, ITEM, False)
        assert await verdict_of(gate, "O1") is GateVerdict.PAUSED

        await gate.commands.give_up_repair(ITEM, repair)

        assert await verdict_of(gate, "O1") is GateVerdict.RESERVED

    def test_a_text_that_is_no_stop_is_none(self) -> None:
        assert [Stop.parse(text) for text in ("", "pause", "pause x {}", "pause 1 {}")] == [
            None
        ] * 4
