import base64
import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tests.support.published_draw import (
    COMMITMENT,
    LEAVES,
    NONCES,
    list_answer,
    places_answer,
    room_answer,
)
from verifying.cli import verify_draw

app = typer.Typer()
app.command()(verify_draw)


@pytest.fixture
def saved(tmp_path: Path) -> list[str]:
    """The arguments that name three saved answers of a sound draw."""
    for name, text in (
        ("room", room_answer()), ("list", list_answer()), ("places", places_answer())
    ):  # fmt: skip
        (tmp_path / name).write_text(text)
    named = [f"--{name}={tmp_path / name}" for name in ("room", "list", "places")]
    return ["sale-1", "mug", *named]


def test_a_sound_draw_is_proved_and_ones_own_place_is_said(saved: list[str]) -> None:
    said = {"sale": "sale-1", "sku": "mug", "user": "bob", "nonce": NONCES[1].hex()}
    ticket = base64.urlsafe_b64encode(json.dumps(said).encode()).decode()

    outcome = CliRunner().invoke(app, [*saved, "--ticket", ticket])

    assert outcome.exit_code == 0
    assert "your leaf is in line 2 of 5; its place is 3" in outcome.output
    assert "the draw holds: 5 leaves" in outcome.output
    assert "no beacon" in outcome.output
    assert COMMITMENT.hex() in outcome.output


def test_a_wrong_place_is_named(saved: list[str], tmp_path: Path) -> None:
    (tmp_path / "places").write_text(places_answer((1, 3, 2, 4, 5)))

    outcome = CliRunner().invoke(app, [*saved, "--commitment", COMMITMENT.hex()])

    assert outcome.exit_code == 1
    assert "WRONG: line 1 has place 1, and should have 4" in outcome.output
    assert "holds" not in outcome.output


def test_a_leaf_that_was_left_out_is_missed_by_its_buyer(saved: list[str], tmp_path: Path) -> None:
    outcome = CliRunner().invoke(app, [*saved, "--ticket", "ab" * 32])

    assert outcome.exit_code == 1
    assert "is not in the list" in outcome.output


def test_without_places_it_is_said_that_none_was_compared(saved: list[str]) -> None:
    outcome = CliRunner().invoke(app, [*saved[:-1], "--ticket", LEAVES[0].hex()])

    assert outcome.exit_code == 0
    assert "none of them was compared" in outcome.output


def test_what_cannot_be_checked_is_neither_right_nor_wrong(
    saved: list[str], tmp_path: Path
) -> None:
    (tmp_path / "room").write_text(room_answer(seed=None))
    assert CliRunner().invoke(app, saved).exit_code == 2
    (tmp_path / "room").unlink()
    assert CliRunner().invoke(app, saved).exit_code == 2
    assert CliRunner().invoke(app, [*saved, "--commitment", "short"]).exit_code == 2
    assert CliRunner().invoke(app, [*saved[:3]]).exit_code == 2
