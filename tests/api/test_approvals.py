"""Commands that wait for a second person, and are carried out once."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, update

from api.approvals import ApprovedCommands
from domain.approval import Amounts, Approval, ApprovalKind, ApprovalStatus, NewCommand
from domain.errors import ErrorCode, Refusal
from infra.postgres.approvals import LAPSED, Approvals
from infra.postgres.engine import Database
from infra.postgres.tables.approvals import approvals

OLGA, OTTO, OMAR = "operator:olga", "operator:otto", "operator:omar"
POINTS = ApprovalKind.POINTS
ABOVE = Amounts(of_subject=100, of_day=150)
DIED = timedelta(0)


class Giver:
    """Carries out, and fails as often as `errors` says. `keys`: what was begun under which key."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.keys: list[str] = []

    async def __call__(self, approval: Approval) -> str:
        self.keys.append(approval.key)
        await asyncio.sleep(0)
        if self.errors:
            raise self.errors.pop(0)
        return "given"


def commands(database: Database, giver: Giver, **options: Any) -> ApprovedCommands:
    return ApprovedCommands(database, {POINTS: ABOVE}, {POINTS: giver}, **options)


def gift(amount: int = 101, to: str = "ada", by: str = OLGA, key: str | None = None) -> NewCommand:
    return NewCommand(
        kind=POINTS,
        subject=to,
        amount=amount,
        command={"amount": amount},
        asked_by=by,
        reason="sorry",
        request_key=key,
    )


async def asked(approved: ApprovedCommands, command: NewCommand) -> Approval:
    approval = await approved.consider(command)
    assert approval is not None
    return approval


async def refused(deciding: Any) -> ErrorCode:
    with pytest.raises(Refusal) as refusal:
        await deciding
    return refusal.value.code


async def test_several_small_ones_come_to_a_large_one(database: Database) -> None:
    approved = commands(database, Giver())

    stand = [
        (await asked(approved, command)).status
        for command in (
            gift(60),
            gift(50),  # 110 to one buyer
            gift(90, "bob"),  # 150 of one operator
            gift(1, "eve"),  # 151
            gift(1, "eve", OTTO),
        )
    ]

    waits, goes = ApprovalStatus.REQUESTED, ApprovalStatus.UNNEEDED
    assert stand == [goes, waits, goes, waits, goes]


async def test_asked_for_many_times_at_once_it_waits_once(database: Database) -> None:
    approved = commands(database, Giver())

    same = await asyncio.gather(*(asked(approved, gift(key="k")) for _ in range(6)))
    small = await asyncio.gather(*(asked(approved, gift(60, f"u{n}", OTTO)) for n in range(6)))

    assert len({one.approval_id for one in same}) == 1
    assert [one.status for one in small].count(ApprovalStatus.UNNEEDED) == 2
    assert await refused(approved.consider(gift(102, key="k"))) is ErrorCode.IDEMPOTENCY_MISMATCH


async def test_another_person_approves_and_it_is_done_once(database: Database) -> None:
    giver = Giver()
    approved = commands(database, giver)
    approval = await asked(approved, gift())

    assert await refused(approved.approve(approval.approval_id, OLGA, "")) is ErrorCode.FORBIDDEN
    done = await asyncio.gather(
        *(approved.approve(approval.approval_id, by, "fine") for by in (OTTO, OMAR, OTTO))
    )
    again = await approved.approve(approval.approval_id, OTTO, "fine")

    assert giver.keys == [approval.key]
    assert (again.status, again.outcome) == (ApprovalStatus.DONE, "given")
    assert len({one.decided_by for one in done}) == 1
    wrong = approved.refuse(approval.approval_id, OMAR, "no")
    assert await refused(wrong) is ErrorCode.INVALID_STATE
    assert await refused(approved.approve("nosuch", OTTO, "")) is ErrorCode.NOT_FOUND


async def test_what_is_refused_is_never_done(database: Database) -> None:
    giver = Giver()
    approved = commands(database, giver)
    approval = await asked(approved, gift())

    for _ in range(2):
        gone = await approved.refuse(approval.approval_id, OLGA, "a mistake")
        assert (gone.status, gone.decided_by) == (ApprovalStatus.REFUSED, OLGA)

    late = approved.approve(approval.approval_id, OTTO, "")
    assert await refused(late) is ErrorCode.INVALID_STATE
    assert giver.keys == []


async def test_after_a_day_it_must_be_asked_for_anew(database: Database) -> None:
    approved = commands(database, Giver())
    approval = await asked(approved, gift())
    async with database.transaction() as connection:
        await connection.execute(update(approvals).values(expires_at=func.now()))

    late = approved.approve(approval.approval_id, OTTO, "")
    assert await refused(late) is ErrorCode.INVALID_STATE
    anew = await asked(approved, gift())

    assert anew.approval_id != approval.approval_id
    async with database.transaction() as connection:
        old = await Approvals(connection).get(approval.approval_id)
    assert old is not None
    assert (old.status, old.decision) == (ApprovalStatus.REFUSED, LAPSED)


@pytest.mark.parametrize(
    "away",
    [
        lambda: ConnectionError("redis is away"),
        lambda: Refusal(ErrorCode.UNAVAILABLE),
        lambda: asyncio.CancelledError(),
    ],
)
async def test_what_could_not_be_done_is_begun_again_under_its_key(
    database: Database, away: Callable[[], BaseException]
) -> None:
    giver = Giver(away())
    approved = commands(database, giver, lease=DIED)
    approval = await asked(approved, gift())
    try:
        left = await approved.approve(approval.approval_id, OTTO, "fine")
        assert left.status is ApprovalStatus.APPROVED
    except asyncio.CancelledError:
        pass

    for _ in range(2):
        await approved.carry_out_what_is_due()

    assert giver.keys == [approval.key, approval.key]
    done = await approved.approve(approval.approval_id, OTTO, "fine")
    assert (done.status, done.outcome) == (ApprovalStatus.DONE, "given")


async def test_what_somebody_is_doing_nobody_else_begins(database: Database) -> None:
    giver = Giver(ConnectionError("away"))
    approved = commands(database, giver)
    approval = await asked(approved, gift())
    await approved.approve(approval.approval_id, OTTO, "fine")

    await approved.carry_out_what_is_due()

    assert giver.keys == [approval.key]


async def test_what_can_never_be_done_says_why(database: Database) -> None:
    approved = commands(database, Giver(Refusal(ErrorCode.INVALID_STATE, "it is refunded")))
    approval = await asked(approved, gift())

    over = await approved.approve(approval.approval_id, OTTO, "fine")

    assert over.status is ApprovalStatus.FAILED
    assert over.outcome == "INVALID_STATE: it is refunded"


async def test_what_came_to_nothing_does_not_count(database: Database) -> None:
    approved = commands(database, Giver())
    await approved.forget(await asked(approved, gift(100)))

    assert (await asked(approved, gift(100))).status is ApprovalStatus.UNNEEDED
