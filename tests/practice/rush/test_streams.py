"""Buyers who are told what is theirs: over connections that are cut, and nothing goes untold."""

import asyncio

import pytest

from practice.rush.report import RushReport
from tests.support.room_double import RoomDouble, RoomFaults
from tests.support.rushing import Rusher
from tests.support.shop_double import Faults, ShopDouble

# Nobody's time runs out while a slow machine plays a rush.
LONG = 1800


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for room in ("scenario", "room_crowd"):
        monkeypatch.setattr(f"practice.rush.{room}.GATHER_SECONDS", 0.3)
    monkeypatch.setattr("practice.rush.following.LOOK_SECONDS", 0.05)
    monkeypatch.setattr("practice.rush.room_crowd.ASK_AGAIN_SECONDS", 0.05)
    monkeypatch.setattr("practice.rush.streams.CUT_SECONDS", (0.1, 0.3))


def of_streams(report: RushReport) -> tuple[bool, str]:
    (check,) = (check for check in report.crowd if check.code == "R14")
    return check.ok, check.detail


async def test_all_follow_by_streams_alone_and_miss_nothing_though_they_are_cut(
    rush_at: Rusher,
) -> None:
    shop, line = ShopDouble(), RoomDouble()
    open_, queue = await asyncio.gather(
        rush_at(shop, streams=1, pay=0.7, cancel=0.3, pay_window=LONG),
        rush_at(
            line, streams=1, admission="queue", pay=1, cancel=0, pay_window=LONG, seconds=20,
        ),
    )  # fmt: skip

    for report in (open_, queue):
        assert all(check.ok for check in report.crowd), report.crowd
    winners = len({order["user_id"] for order in shop.orders.values()})
    assert of_streams(open_)[1].startswith(f"{winners} followed")
    assert of_streams(queue)[1].startswith("40 followed")
    assert "cut 0 times" not in of_streams(queue)[1]
    assert shop.looks == len(shop.orders), "each looks once at the end, and nobody asks before"


async def test_a_shop_that_does_not_tell_what_happened_is_found_out(
    rush_at: Rusher, monkeypatch: pytest.MonkeyPatch
) -> None:
    for room in ("streams", "room_crowd"):
        monkeypatch.setattr(f"practice.rush.{room}.BEHIND_SECONDS", 0.2)
    reports = await asyncio.gather(
        rush_at(
            ShopDouble(Faults(stop_telling=True)), streams=1, pay=1, cancel=0, pay_window=LONG,
            settle_seconds=2,
        ),
        rush_at(
            RoomDouble(room_faults=RoomFaults(call_silently=True)), streams=1, admission="queue",
            pay=1, cancel=0, pay_window=LONG, seconds=20,
        ),
    )  # fmt: skip

    assert [of_streams(report)[0] for report in reports] == [False, False]
