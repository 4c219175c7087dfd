"""The book's file: one SQLite database that outlives a killed process."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS trades (
    id INTEGER PRIMARY KEY, provider TEXT NOT NULL, out_trade_no TEXT NOT NULL,
    trade_no TEXT NOT NULL, code TEXT NOT NULL UNIQUE, scene TEXT NOT NULL,
    subject TEXT NOT NULL, amount INTEGER NOT NULL CHECK (amount > 0),
    refunded INTEGER NOT NULL DEFAULT 0 CHECK (refunded BETWEEN 0 AND amount),
    status TEXT NOT NULL, notify_url TEXT NOT NULL, return_url TEXT NOT NULL,
    buyer TEXT NOT NULL, created_at REAL NOT NULL, expires_at REAL NOT NULL,
    paid_at REAL, closed_at REAL,
    attach TEXT NOT NULL DEFAULT '', body TEXT NOT NULL DEFAULT '',
    UNIQUE (provider, out_trade_no)
);
CREATE INDEX IF NOT EXISTS trades_waiting ON trades (expires_at) WHERE status = 'waiting';
CREATE INDEX IF NOT EXISTS trades_numbers ON trades (out_trade_no);
CREATE INDEX IF NOT EXISTS trades_paid ON trades (provider, paid_at);
CREATE TABLE IF NOT EXISTS refunds (
    id INTEGER PRIMARY KEY, trade_id INTEGER NOT NULL REFERENCES trades (id),
    provider TEXT NOT NULL, refund_no TEXT NOT NULL, provider_refund_no TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount > 0), reason TEXT NOT NULL, notify_url TEXT NOT NULL,
    status TEXT NOT NULL, requested_at REAL NOT NULL, settle_at REAL NOT NULL, done_at REAL,
    UNIQUE (trade_id, refund_no)
);
CREATE INDEX IF NOT EXISTS refunds_numbers ON refunds (provider, refund_no);
CREATE INDEX IF NOT EXISTS refunds_open ON refunds (settle_at) WHERE status = 'processing';
CREATE TABLE IF NOT EXISTS notices (
    id INTEGER PRIMARY KEY, event_no TEXT NOT NULL, provider TEXT NOT NULL,
    out_trade_no TEXT NOT NULL, kind TEXT NOT NULL, url TEXT NOT NULL, facts TEXT NOT NULL,
    status TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, held INTEGER NOT NULL DEFAULT 0,
    created_at REAL NOT NULL, due_at REAL NOT NULL, answer TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS notices_due ON notices (due_at) WHERE status = 'waiting';
CREATE INDEX IF NOT EXISTS notices_trade ON notices (provider, out_trade_no);
CREATE TABLE IF NOT EXISTS controls (out_trade_no TEXT PRIMARY KEY, switches TEXT NOT NULL);
"""

# Columns that books of an earlier version lack.
_LATER_COLUMNS = (("trades", "attach"), ("trades", "body"))

Parameters = Sequence[Any] | Mapping[str, Any]


class Storage:
    """A connection used by one event loop. Statements are short and never awaited, so calls
    cannot interleave; a file survives kill -9 because WAL is on the disk's side by then."""

    def __init__(self, path: Path | None) -> None:
        self._connection = sqlite3.connect(path or ":memory:", isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(_SCHEMA)
        for table, column in _LATER_COLUMNS:
            known = {row["name"] for row in self.rows(f"PRAGMA table_info({table})")}
            if column not in known:
                self.write(f"ALTER TABLE {table} ADD COLUMN {column} TEXT NOT NULL DEFAULT ''")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; inside another transaction it is part of that one."""
        if self._connection.in_transaction:
            yield
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def rows(self, sql: str, parameters: Parameters = ()) -> list[sqlite3.Row]:
        return self._connection.execute(sql, parameters).fetchall()

    def row(self, sql: str, parameters: Parameters = ()) -> sqlite3.Row | None:
        rows = self.rows(sql, parameters)
        return rows[0] if rows else None

    def write(self, sql: str, parameters: Parameters = ()) -> int:
        """Number of rows changed."""
        return self._connection.execute(sql, parameters).rowcount

    def close(self) -> None:
        self._connection.close()
