"""Trades and refunds in the book: changed by compare-and-set only."""

import sqlite3

import pytest

from practice.provider.book import (
    Book,
    Offer,
    Provider,
    RefundStatus,
    Scene,
    Trade,
    TradeStatus,
    beijing,
    to_yuan,
)
from practice.provider.storage import Storage

NOW = 1_800_000_000.0


@pytest.fixture
def book() -> Book:
    return Book(Storage(None))


def offered(book: Book, number: str = "T1", provider: Provider = Provider.ALIPAY) -> Trade:
    offer = Offer(
        provider=provider, out_trade_no=number, scene=Scene.QR, subject="lamp", amount=8800,
        notify_url="", return_url="", expires_at=NOW + 60,
    )  # fmt: skip
    return book.add(offer, TradeStatus.OFFERED, NOW)


def test_a_number_stands_for_one_trade_at_each_provider(book: Book) -> None:
    first = offered(book)
    assert offered(book) == first
    assert offered(book, provider=Provider.WECHATPAY) != first
    assert len(book.named("T1")) == 2


def test_a_trade_is_paid_in_time_and_once(book: Book) -> None:
    trade = offered(book)
    assert not book.pay(trade, NOW + 60)
    assert book.pay(trade, NOW + 59)
    assert not book.pay(trade, NOW + 59)
    assert not book.close(trade, NOW + 59)
    assert book.by_id(trade.id).paid_at == NOW + 59


def test_a_closed_trade_takes_no_money(book: Book) -> None:
    trade = offered(book)
    assert book.close(trade, NOW)
    assert not book.pay(trade, NOW)
    assert not book.by_id(trade.id).paid


def test_only_a_trade_that_was_opened_and_not_paid_expires(book: Book) -> None:
    unseen, opened, paid = (offered(book, number) for number in ("T1", "T2", "T3"))
    book.mark_opened(opened)
    book.pay(book.mark_opened(paid), NOW)
    assert [trade.id for trade in book.expired(Provider.ALIPAY, NOW + 60)] == [opened.id]
    assert book.by_id(unseen.id).status == TradeStatus.OFFERED


def test_a_refund_moves_its_money_when_it_succeeds_and_never_twice(book: Book) -> None:
    trade = offered(book)
    book.pay(trade, NOW)
    part = book.add_refund(trade, "R1", 800, reason="", notify_url="", now=NOW, settle_at=NOW + 1)
    rest = book.add_refund(trade, "R2", 8000, reason="", notify_url="", now=NOW, settle_at=NOW + 1)
    assert book.due_refunds(NOW) == []
    assert [refund.id for refund in book.due_refunds(NOW + 1)] == [part.id, rest.id]
    assert book.settle(part, RefundStatus.SUCCESS, NOW + 1)
    assert not book.settle(part, RefundStatus.SUCCESS, NOW + 2)
    assert (book.by_id(trade.id).refunded, book.by_id(trade.id).status) == (800, TradeStatus.PAID)
    assert book.settle(rest, RefundStatus.SUCCESS, NOW + 2)
    whole = book.by_id(trade.id)
    assert (whole.refunded, whole.status, whole.closed_at) == (8800, TradeStatus.REFUNDED, NOW + 2)


def test_a_refund_that_fails_moves_nothing(book: Book) -> None:
    trade = offered(book)
    book.pay(trade, NOW)
    refund = book.add_refund(trade, "R1", 8800, reason="", notify_url="", now=NOW, settle_at=NOW)
    assert book.settle(refund, RefundStatus.ABNORMAL, NOW)
    assert book.by_id(trade.id).refunded == 0


def test_a_trade_has_one_refund_of_a_number(book: Book) -> None:
    trade = offered(book)
    book.add_refund(trade, "R1", 1, reason="", notify_url="", now=NOW, settle_at=NOW)
    with pytest.raises(sqlite3.IntegrityError):
        book.add_refund(trade, "R1", 1, reason="", notify_url="", now=NOW, settle_at=NOW)


@pytest.mark.parametrize(
    ("fen", "yuan"), [(0, "0.00"), (5, "0.05"), (8800, "88.00"), (-805, "-8.05")]
)
def test_fen_become_yuan(fen: int, yuan: str) -> None:
    assert to_yuan(fen) == yuan


def test_times_are_chinas() -> None:
    assert beijing(0) == "1970-01-01 08:00:00"


def test_numbers_have_28_digits_and_tell_their_day(book: Book) -> None:
    alipay = offered(book).trade_no
    wechatpay = offered(book, provider=Provider.WECHATPAY).trade_no
    assert (len(alipay), len(wechatpay)) == (28, 28)
    assert alipay.startswith("20270115")
    assert wechatpay[10:18] == "20270115"


def test_a_refund_is_listed_by_its_asking_and_by_its_end(book: Book) -> None:
    trade = offered(book)
    book.pay(trade, NOW)
    refund = book.add_refund(
        trade, "R1", 800, reason="", notify_url="", now=NOW + 10, settle_at=NOW + 200
    )
    book.settle(refund, RefundStatus.SUCCESS, NOW + 200)
    first, second = (NOW, NOW + 100), (NOW + 100, NOW + 300)
    asked = [book.refunds_asked_between(Provider.ALIPAY, *day) for day in (first, second)]
    ended = [book.refunded_between(Provider.ALIPAY, *day) for day in (first, second)]
    assert [len(refunds) for refunds in (*asked, *ended)] == [1, 0, 0, 1]
