"""An inbox between a provider that says what it is told to, and workflows in memory."""

from collections.abc import Mapping
from datetime import UTC, datetime

from domain.attention import AttentionKind
from domain.notice import Notice, NoticeKind, Verdict, VerifiedNotice
from domain.payment import PaymentMethod, Receipt
from domain.states import OrderStatus
from infra.gateways.protocol import RawNotice
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database
from infra.postgres.notices import Notices
from infra.postgres.orders import Orders
from notices.inbox import JudgedNotice, NoticeInbox
from notices.relay import NoticeRelay
from tests.support.gateway_double import GatewayDouble
from tests.support.values import PRICE
from tests.support.workflows_double import WorkflowsDouble

ALIPAY = PaymentMethod.ALIPAY
RAW = RawNotice(b"as it came", {"content-type": "text/plain", "cookie": "a secret"})


class Verifier(GatewayDouble):
    """Finds in every notice what it is told to find."""

    found: VerifiedNotice

    async def verify_notice(self, raw: RawNotice) -> VerifiedNotice:
        return self.found


class Receiver:
    """An inbox between a provider and workflows that are in memory."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.provider = Verifier()
        self.workflows = WorkflowsDouble()
        gateways = {ALIPAY: self.provider}
        self.relay = NoticeRelay(database, self.workflows, gateways)
        self.inbox = NoticeInbox(database, gateways, self.relay)

    async def judged(self) -> tuple[JudgedNotice, Notice]:
        """What is made of RAW, and the row that stands."""
        judged = await self.inbox.judge(ALIPAY, RAW)
        assert judged.kept is not None
        return judged, judged.kept

    async def attentions(self) -> list[AttentionKind]:
        async with self.database.transaction() as connection:
            rows, _ = await Attentions(connection).open_(None, 100)
        return [row.kind for row in rows]

    async def raw(self, notice_id: str) -> tuple[bytes, Mapping[str, str]]:
        async with self.database.transaction() as connection:
            raw = await Notices(connection).raw(notice_id)
        assert raw is not None
        return raw.body, raw.headers

    async def order_status(self, order_id: str) -> OrderStatus:
        async with self.database.transaction() as connection:
            order = await Orders(connection).get(order_id)
        assert order is not None
        return order.status

    async def handled_as(self, notice_id: str) -> str | None:
        async with self.database.transaction() as connection:
            notice = await Notices(connection).get(notice_id)
        assert notice is not None
        return notice.handled_as


def paid(
    payment_id: str, amount: int = PRICE, verdict: Verdict = Verdict.ACCEPTED
) -> VerifiedNotice:
    receipt = Receipt(
        method=ALIPAY,
        payment_id=payment_id,
        trade_no=f"T{payment_id}",
        amount=amount,
        paid_at=datetime.now(UTC),
    )
    return VerifiedNotice(
        provider_notice_id="n-1",
        kind=NoticeKind.PAYMENT,
        verdict=verdict,
        payment_id=payment_id,
        receipt=receipt,
    )
