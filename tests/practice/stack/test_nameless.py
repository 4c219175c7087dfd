import os

import pytest

from practice.stack import nameless
from practice.stack.ports import free_port
from practice.stack.temporal import TemporalServer

A_UID_NOBODY_HAS = 3_999_999


def test_a_uid_without_a_line_has_no_name() -> None:
    assert nameless.has_a_name(0)
    assert not nameless.has_a_name(A_UID_NOBODY_HAS)


def test_temporal_is_told_a_name_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("USER", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: A_UID_NOBODY_HAS)

    assert (
        TemporalServer(free_port(), free_port()).command().env["USER"] == f"uid{A_UID_NOBODY_HAS}"
    )


def test_the_callers_own_name_goes_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", "ada")
    monkeypatch.setattr(os, "geteuid", lambda: A_UID_NOBODY_HAS)

    assert TemporalServer(free_port(), free_port()).command().env["USER"] == "ada"


def test_who_has_a_name_is_told_none() -> None:
    assert nameless.names_for_programs() == {}
