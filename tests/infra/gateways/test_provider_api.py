"""What holds at every outside provider."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest

from domain.bill import Bill, ready_at
from domain.gateway_errors import BillNotReady, Declined, TryLater
from domain.payment import Charge, PaymentMethod, PaymentScene, Receipt, Trade, TradeState
from infra.gateways.connection import ProviderConnection
from infra.gateways.provider_api import ProviderApi

DAY = date(2026, 11, 20)
RECEIPT = Receipt(
    method=PaymentMethod.ALIPAY, payment_id="P", trade_no="T", amount=1,
    paid_at=datetime(2026, 11, 20, tzinfo=UTC),
)  # fmt: skip
CHARGE = Charge(
    payment_id="P", amount=1, currency="CNY", subject="S", scene=PaymentScene.QR,
    expires_at=datetime(2026, 11, 21, tzinfo=UTC),
)  # fmt: skip


@pytest.fixture
async def api() -> AsyncIterator[ProviderApi]:
    transport = httpx.MockTransport(lambda _: httpx.Response(404, content=b"gone"))
    opened = ProviderApi(ProviderConnection("anypay", 2.0, transport))
    yield opened
    await opened.aclose()


def test_an_answer_to_another_question_is_not_believed(api: ProviderApi) -> None:
    api.expect(("P", "app"), ("P", "app"))
    with pytest.raises(TryLater, match="anypay answer: is for something else"):
        api.expect(("P", "other"), ("P", "app"))


@pytest.mark.parametrize(
    ("state", "receipt"),
    [(TradeState.PAID, RECEIPT), (TradeState.CLOSED, None), (TradeState.NOT_FOUND, None)],
)
def test_a_close_refused_as_paid_is_what_the_trade_says(
    api: ProviderApi, state: TradeState, receipt: Receipt | None
) -> None:
    trade = Trade(state=state, receipt=None if state is TradeState.NOT_FOUND else RECEIPT)
    assert api.closed("close", "P", trade).receipt == receipt


def test_a_close_refused_for_an_unpaid_trade_is_tried_again(api: ProviderApi) -> None:
    with pytest.raises(TryLater, match="unpaid"):
        api.closed("close", "P", Trade(state=TradeState.WAITING))


def test_no_bill_means_nothing_moved_only_when_it_was_due(api: ProviderApi) -> None:
    due = ready_at(DAY)
    assert api.no_lines(DAY, due) == Bill()
    with pytest.raises(BillNotReady, match="anypay: no bill of 2026-11-20 yet"):
        api.no_lines(DAY, due - timedelta(seconds=1))


def test_a_file_that_cannot_be_read_is_no_empty_bill(api: ProviderApi) -> None:
    def read(file: bytes) -> Bill:
        if file == b"broken":
            raise ValueError("what it was about")
        return Bill()

    assert api.bill(read, b"whole", DAY) == Bill()
    with pytest.raises(TryLater, match="anypay download: unreadable bill"):
        api.bill(read, b"broken", DAY)


async def test_a_file_that_is_not_there_is_fetched_later(api: ProviderApi) -> None:
    with pytest.raises(TryLater, match="HTTP 404"):
        await api.fetch(httpx.Request("GET", "https://files.example/bill"), "2026-11-20")


def test_only_yuan_are_taken(api: ProviderApi) -> None:
    api.check_currency(CHARGE)
    with pytest.raises(Declined, match="anypay takes CNY only, not USD"):
        api.check_currency(CHARGE.model_copy(update={"currency": "USD"}))
