"""A crowd that is called: an honest room passes, and no fault of one goes unseen."""

import asyncio

import pytest

from practice.rush.report import RushReport
from tests.support.room_double import RoomDouble, RoomFaults
from tests.support.rushing import Rusher

# Nobody's time runs out while a slow machine plays a rush.
LONG = 1800
FAULTY = (
    (RoomFaults(share_places=True), "R9"),
    (RoomFaults(move_people=True), "R9"),
    (RoomFaults(let_anybody_in=True), "R10"),
    (RoomFaults(send_the_called_away=True), "R10"),
    (RoomFaults(favour="7"), "R10"),
)


@pytest.fixture(autouse=True)
def short_gathering(monkeypatch: pytest.MonkeyPatch) -> None:
    for room in ("scenario", "room_crowd"):
        monkeypatch.setattr(f"practice.rush.{room}.GATHER_SECONDS", 0.3)
    monkeypatch.setattr("practice.rush.following.LOOK_SECONDS", 0.05)
    monkeypatch.setattr("practice.rush.room_crowd.BOT_PAUSE_SECONDS", (0.01, 0.03))


def broken(report: RushReport) -> set[str]:
    return {check.code for check in report.crowd if not check.ok}


async def test_an_honest_queue_ends_with_everybody_told(rush_at: Rusher) -> None:
    report = await rush_at(
        RoomDouble(), admission="queue", bots=0.3, leave=0.1, pay=1, cancel=0, pay_window=LONG,
        seconds=20,
    )  # fmt: skip

    assert broken(report) == set()
    assert report.sold == report.room["ordered"] == 10
    assert report.room["over"] + report.room.get("left", 0) == 30
    assert report.joins > 12 * 20, "bots click at the door all the time"
    assert report.answers["ENTRY_TOKEN_INVALID"] > 12 * 10, "and at the gate"


async def test_a_pass_that_lapsed_goes_to_the_next_in_line(rush_at: Rusher) -> None:
    report = await rush_at(
        RoomDouble(), admission="queue", lapse=0.5, pass_window=1, pay=1, cancel=0, buyers=20,
        units=5, pay_window=LONG, seconds=20,
    )  # fmt: skip

    assert broken(report) == set()
    assert report.sold == 5
    assert report.room["lapsed"] >= 1


async def test_every_faulty_room_is_found_out(rush_at: Rusher) -> None:
    rushes = (
        rush_at(
            RoomDouble(room_faults=faults), admission="queue", bots=0.2, pay=1, cancel=0,
            pay_window=LONG, seconds=2,
        )
        for faults, _ in FAULTY
    )  # fmt: skip

    reports = await asyncio.gather(*rushes)

    for (faults, rule), report in zip(FAULTY, reports, strict=True):
        assert rule in broken(report), faults
        assert not report.ok, faults
