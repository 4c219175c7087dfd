"""Notices that wait to be delivered, as rows: a restart goes on where the last process died."""

import json
import secrets
import sqlite3
from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Self

from practice.provider.book import Refund, Trade
from practice.provider.storage import Storage


class NoticeKind(StrEnum):
    PAYMENT = "payment"
    REFUND = "refund"
    CLOSED = "closed"
    FINISHED = "finished"


class NoticeStatus(StrEnum):
    """DROPPED: lost on purpose; it is sent only when somebody asks for it."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"
    DROPPED = "dropped"


@dataclass(frozen=True)
class Event:
    """What happened, as it stood at that moment: a repeat says the same again."""

    event_no: str
    kind: NoticeKind
    at: float
    trade: Trade
    refund: Refund | None

    @classmethod
    def of(cls, kind: NoticeKind, at: float, trade: Trade, refund: Refund | None) -> Self:
        return cls(secrets.token_hex(16), kind, at, trade, refund)

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> Self:
        facts = json.loads(row["facts"])
        refund = Refund(**facts["refund"]) if facts["refund"] else None
        trade, kind = Trade(**facts["trade"]), NoticeKind(row["kind"])
        return cls(row["event_no"], kind, row["created_at"], trade, refund)

    def with_wrong_amount(self) -> Self:
        """The same event, of one fen too much."""
        trade = replace(self.trade, amount=self.trade.amount + 1)
        refund = self.refund and replace(self.refund, amount=self.refund.amount + 1)
        return replace(self, trade=trade, refund=refund)


@dataclass(frozen=True)
class Notice:
    """`held_back`: waits until a later notice of its trade has overtaken it."""

    id: int
    event: Event
    url: str
    status: str
    attempts: int
    held_back: bool
    due_at: float
    answer: str


class NoticeQueue:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def add(
        self,
        event: Event,
        url: str,
        due_at: float,
        *,
        held_back: bool = False,
        dropped: bool = False,
    ) -> None:
        facts = {"trade": asdict(event.trade), "refund": event.refund and asdict(event.refund)}
        self._storage.write(
            "INSERT INTO notices (event_no, provider, out_trade_no, kind, url, facts, status,"
            " held, created_at, due_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (event.event_no, event.trade.provider, event.trade.out_trade_no, event.kind, url,
             json.dumps(facts), NoticeStatus.DROPPED if dropped else NoticeStatus.WAITING,
             held_back, event.at, due_at),
        )  # fmt: skip

    def due(self, now: float, limit: int, *, besides: Collection[int] = ()) -> list[Notice]:
        return self._many(
            "WHERE status = 'waiting' AND due_at <= ?"
            " AND id NOT IN (SELECT value FROM json_each(?)) ORDER BY due_at, id LIMIT ?",
            now, json.dumps(list(besides)), limit,
        )  # fmt: skip

    def next_due_at(self, after: float) -> float | None:
        """When the next notice is due that is not due at `after`."""
        row = self._storage.row(
            "SELECT min(due_at) AS at FROM notices WHERE status = 'waiting' AND due_at > ?",
            (after,),
        )
        return row["at"] if row else None

    def of_trade(self, trade: Trade) -> list[Notice]:
        return self._many(
            "WHERE provider = ? AND out_trade_no = ? ORDER BY id",
            trade.provider, trade.out_trade_no,
        )  # fmt: skip

    def holds_one_back(self, trade: Trade) -> bool:
        return any(
            notice.held_back and notice.status == NoticeStatus.WAITING
            for notice in self.of_trade(trade)
        )

    def delivered(self, notice: Notice, answer: str) -> None:
        self._end(notice, NoticeStatus.DELIVERED, answer)

    def gave_up(self, notice: Notice, answer: str) -> None:
        self._end(notice, NoticeStatus.GIVEN_UP, answer)

    def again(self, notice: Notice, due_at: float, answer: str) -> None:
        self._storage.write(
            "UPDATE notices SET attempts = attempts + 1, held = 0, due_at = ?, answer = ?"
            " WHERE id = ?",
            (due_at, answer, notice.id),
        )

    def let_overtaken_follow(self, notice: Notice, now: float) -> None:
        """A later notice of the trade has gone out: those it overtook may follow."""
        self._storage.write(
            "UPDATE notices SET held = 0, due_at = ? WHERE provider = ? AND out_trade_no = ?"
            " AND held = 1 AND status = 'waiting' AND id < ?",
            (now, notice.event.trade.provider, notice.event.trade.out_trade_no, notice.id),
        )

    def _end(self, notice: Notice, status: NoticeStatus, answer: str) -> None:
        self._storage.write(
            "UPDATE notices SET attempts = attempts + 1, held = 0, status = ?, answer = ?"
            " WHERE id = ?",
            (status, answer, notice.id),
        )

    def _many(self, where: str, *parameters: object) -> list[Notice]:
        rows = self._storage.rows(f"SELECT * FROM notices {where}", parameters)  # noqa: S608
        return [
            Notice(
                id=row["id"],
                event=Event.from_row(row),
                url=row["url"],
                status=row["status"],
                attempts=row["attempts"],
                held_back=bool(row["held"]),
                due_at=row["due_at"],
                answer=row["answer"],
            )
            for row in rows
        ]
