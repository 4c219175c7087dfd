"""The rules by which a crowd judges a room, each on planted observations."""

from domain.audit import Check
from practice.rush.notes import Notes
from practice.rush.plan import RushPlan
from practice.rush.room_expectations import judge_room, overtaken
from practice.rush.room_notes import Arrival, LetIn
from practice.rush.views import SeenTicket


def ticket(index: int, place: int | None = None, leaf: str = "") -> SeenTicket:
    return SeenTicket(
        state="waiting", index=index, leaf=leaf or f"leaf {index}", place=place, serving=0
    )


def line_of(accounts: int) -> Notes:
    """Everybody came after another, and was told."""
    notes = Notes()
    for index in range(accounts):
        notes.room.saw(f"u{index}", ticket(index, index + 1), index, index + 0.5)
        notes.room.ends[f"u{index}"] = "waiting"
    return notes


def let_in(notes: Notes, *indexes: int, serving: int) -> None:
    for index in indexes:
        user = f"u{index}"
        notes.room.let_in[f"O{index}"] = LetIn(user, index + 1, serving)
        notes.accepted(user, f"O{index}")


def verdicts(notes: Notes) -> dict[str, Check]:
    return {check.code: check for check in judge_room(notes, RushPlan())}


def test_a_line_that_was_kept_breaks_no_rule() -> None:
    notes = line_of(9)
    let_in(notes, 0, 1, serving=2)
    assert all(check.ok for check in verdicts(notes).values())


def test_a_place_is_one_accounts() -> None:
    notes = line_of(3)
    notes.room.saw("u9", ticket(2, 3), 9, 9.5)
    notes.room.ends["u9"] = "waiting"
    assert not verdicts(notes)["R9"].ok


def test_who_asked_after_another_had_his_answer_stands_behind_him() -> None:
    at_once = [Arrival(0.0, 1.0, 5), Arrival(0.5, 1.5, 4)]
    assert overtaken(at_once) == 0
    assert overtaken([*at_once, Arrival(1.2, 1.4, 3)]) == 1


def test_a_place_or_line_that_changed_is_found_but_not_that_of_who_let_his_pass_lapse() -> None:
    notes = line_of(3)
    notes.room.may_move("u1")
    notes.room.saw("u1", ticket(1, 7), 5, 6)
    assert verdicts(notes)["R9"].ok
    notes.room.saw("u2", ticket(2, 8), 5, 6)
    assert "place 3, and then 8" in verdicts(notes)["R9"].detail
    other = line_of(3)
    other.room.saw("u2", ticket(2, 3, leaf="another"), 5, 6)
    assert not verdicts(other)["R9"].ok


def test_a_draw_s_place_may_become_known_later() -> None:
    notes = Notes()
    notes.room.saw("u0", ticket(0), 0, 1)
    notes.room.saw("u0", ticket(0, 40), 2, 3)
    notes.room.ends["u0"] = "waiting"
    assert verdicts(notes)["R9"].ok


def test_nobody_is_let_in_at_a_place_that_was_not_called() -> None:
    notes = line_of(5)
    let_in(notes, 3, serving=2)
    assert not verdicts(notes)["R10"].ok


def test_an_order_without_a_pass_breaks_the_rule_of_turns() -> None:
    notes = line_of(5)
    notes.accepted("u4", "O4")
    assert "u4 has an order" in verdicts(notes)["R10"].detail


def test_bots_may_have_what_chance_gives_and_no_more() -> None:
    notes = line_of(400)
    notes.room.bots = {f"u{index}" for index in range(120)}
    let_in(notes, *range(18), *range(200, 232), serving=400)
    assert verdicts(notes)["R11"].ok
    let_in(notes, *range(18, 50), serving=400)
    assert not verdicts(notes)["R11"].ok


def test_who_was_left_waiting_in_a_room_that_is_over_was_not_told() -> None:
    notes = line_of(3)
    assert verdicts(notes)["R12"].ok
    notes.room.untold.append("u2")
    assert not verdicts(notes)["R12"].ok
