"""Notices that wait to be delivered."""

import pytest

from practice.provider.book import Book, Offer, Provider, Scene, Trade, TradeStatus
from practice.provider.notice_queue import Event, NoticeKind, NoticeQueue, NoticeStatus
from practice.provider.storage import Storage

NOW = 1_800_000_000.0


@pytest.fixture
def storage() -> Storage:
    return Storage(None)


@pytest.fixture
def queue(storage: Storage) -> NoticeQueue:
    return NoticeQueue(storage)


def trade_of(storage: Storage, number: str = "T1") -> Trade:
    offer = Offer(
        provider=Provider.ALIPAY, out_trade_no=number, scene=Scene.QR, subject="lamp", amount=8800,
        notify_url="", return_url="", expires_at=NOW + 60,
    )  # fmt: skip
    return Book(storage).add(offer, TradeStatus.WAITING, NOW)


def event_of(trade: Trade) -> Event:
    return Event.of(NoticeKind.PAYMENT, NOW, trade, None)


def test_what_is_due_comes_in_order_and_what_is_under_way_does_not(
    storage: Storage, queue: NoticeQueue
) -> None:
    trade = trade_of(storage)
    late, soon, later = (event_of(trade) for _ in range(3))
    for event, due_at in ((late, NOW + 2), (soon, NOW + 1), (later, NOW + 9)):
        queue.add(event, "http://m", due_at)
    due = queue.due(NOW + 2, 10)
    assert [notice.event for notice in due] == [soon, late]
    assert queue.due(NOW + 2, 1) == due[:1]
    assert queue.due(NOW + 2, 10, besides=[due[0].id]) == due[1:]
    assert queue.next_due_at(NOW + 2) == NOW + 9
    assert queue.next_due_at(NOW + 9) is None


def test_a_repeat_waits_and_an_end_is_the_end(storage: Storage, queue: NoticeQueue) -> None:
    trade = trade_of(storage)
    for _ in range(2):
        queue.add(event_of(trade), "http://m", NOW)
    first, second = queue.due(NOW, 10)
    queue.again(first, NOW + 5, "500")
    queue.delivered(second, "success")
    assert queue.due(NOW, 10) == []
    (repeat,) = queue.due(NOW + 5, 10)
    assert (repeat.id, repeat.attempts, repeat.answer) == (first.id, 1, "500")
    queue.gave_up(repeat, "500")
    ended = [(notice.status, notice.attempts) for notice in queue.of_trade(trade)]
    assert ended == [(NoticeStatus.GIVEN_UP, 2), (NoticeStatus.DELIVERED, 1)]


def test_a_dropped_notice_is_never_due(storage: Storage, queue: NoticeQueue) -> None:
    queue.add(event_of(trade_of(storage)), "http://m", NOW, dropped=True)
    assert queue.due(NOW + 9, 10) == []


def test_an_overtaken_notice_follows_the_one_that_overtook_it(
    storage: Storage, queue: NoticeQueue
) -> None:
    trade, other = trade_of(storage), trade_of(storage, "T2")
    queue.add(event_of(trade), "http://m", NOW + 60, held_back=True)
    queue.add(event_of(other), "http://m", NOW + 60, held_back=True)
    queue.add(event_of(trade), "http://m", NOW)
    assert queue.holds_one_back(trade)
    (overtaking,) = queue.due(NOW, 10)
    queue.let_overtaken_follow(overtaking, NOW)
    assert not queue.holds_one_back(trade)
    assert queue.holds_one_back(other)
    assert [notice.event.trade.id for notice in queue.due(NOW, 10)] == [trade.id, trade.id]


def test_an_event_says_what_was_then_and_a_wrong_amount_only_if_told_to(
    storage: Storage, queue: NoticeQueue
) -> None:
    trade = trade_of(storage)
    event = event_of(trade)
    queue.add(event, "http://m", NOW)
    Book(storage).pay(trade, NOW)
    (notice,) = queue.due(NOW, 10)
    assert notice.event == event
    assert notice.event.trade.status == TradeStatus.WAITING
    assert event.with_wrong_amount().trade.amount == trade.amount + 1
