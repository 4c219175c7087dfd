"""The command of the bench, before anything is started."""

from typer.testing import CliRunner

from cli import app


def test_what_is_no_variant_is_told_at_once() -> None:
    outcome = CliRunner().invoke(app, ["bench", "--variant", "nothing"])
    assert outcome.exit_code == 2
    assert "is no variant" in outcome.output


def test_a_part_that_is_none_is_told_with_those_there_are() -> None:
    outcome = CliRunner().invoke(app, ["bench", "--only", "everything"])
    assert outcome.exit_code == 2
    assert "recovery" in outcome.output
