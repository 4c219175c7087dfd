"""The book's file."""

import sqlite3
from pathlib import Path

import pytest

from practice.provider.storage import Storage

SET = "INSERT INTO controls (out_trade_no, switches) VALUES (?, '{}')"


def numbers(storage: Storage) -> list[str]:
    return [row["out_trade_no"] for row in storage.rows("SELECT out_trade_no FROM controls")]


def test_a_transaction_is_all_or_nothing() -> None:
    storage = Storage(None)
    with pytest.raises(LookupError), storage.transaction():
        storage.write(SET, ("T1",))
        raise LookupError
    with storage.transaction():
        storage.write(SET, ("T2",))
    assert numbers(storage) == ["T2"]


def test_a_transaction_within_another_is_part_of_it() -> None:
    storage = Storage(None)
    with pytest.raises(LookupError), storage.transaction():
        with storage.transaction():
            storage.write(SET, ("T1",))
        raise LookupError
    assert numbers(storage) == []


def test_a_book_of_an_earlier_version_gets_the_columns_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "book.db"
    Storage(path).close()
    with sqlite3.connect(path) as old:
        for column in ("attach", "body"):
            old.execute(f"ALTER TABLE trades DROP COLUMN {column}")
        old.execute(
            "INSERT INTO trades VALUES (1, 'alipay', 'T1', 'N1', 'C1', 'qr', 'Lamp', 8800, 0,"
            " 'waiting', '', '', 'B1', 0, 9, NULL, NULL)"
        )
    old.close()
    row = Storage(path).row("SELECT out_trade_no, attach, body FROM trades")
    assert row is not None
    assert tuple(row) == ("T1", "", "")


def test_what_was_written_is_there_for_the_next_process(tmp_path: Path) -> None:
    first = Storage(tmp_path / "book.db")
    assert first.write(SET, ("T1",)) == 1
    # Not closed: a killed process does not say goodbye.
    second = Storage(tmp_path / "book.db")
    assert numbers(second) == ["T1"]
    assert second.row("SELECT * FROM trades") is None
