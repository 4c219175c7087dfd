"""A provider's notice, told on to its order once more by an operator."""

from collections.abc import Mapping

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio.service import RPCError

from domain.errors import ErrorCode, Refusal
from domain.notice import Notice, NoticeKind, Verdict
from domain.operator_act import OperatorAct
from domain.payment import PaymentMethod
from infra.gateways.protocol import Gateway, RawNotice
from infra.postgres.engine import Database
from infra.postgres.notice_queue import NoticeQueue
from infra.postgres.notices import Notices
from infra.postgres.operator_acts import OperatorActs
from notices.inbox import NoticeInbox, notice_id_of
from notices.relay import NoticeRelay

log = structlog.get_logger()


class NoticeReplay:
    def __init__(
        self,
        database: Database,
        inbox: NoticeInbox,
        relay: NoticeRelay,
        gateways: Mapping[PaymentMethod, Gateway],
    ) -> None:
        self._database = database
        self._inbox = inbox
        self._relay = relay
        self._gateways = gateways

    async def replay(self, notice_id: str, actor: str, reason: str = "") -> Notice:
        """The notice, told on unless somebody acted on it already; one that was left to a person
        is told again.

        Raises Refusal: NOT_FOUND, INVALID_STATE for what moves no order, or UNAVAILABLE.
        """
        notice, raw = await self._kept(notice_id)
        # A key or a payment may have been missing when it came.
        to_judge = notice.verdict is not Verdict.ACCEPTED and notice.method in self._gateways
        if to_judge:
            if notice_id_of(notice.method, raw.body) != notice_id:
                detail = "not all of its bytes were kept, so it cannot be judged again"
                raise Refusal(ErrorCode.INVALID_STATE, detail, verdict=notice.verdict)
            async with self._database.transaction() as connection:
                await _put_on_record(connection, notice_id, actor, reason)
            await self._inbox.judge(notice.method, raw)
            notice, _ = await self._kept(notice_id)
        if notice.verdict is not Verdict.ACCEPTED or notice.kind is NoticeKind.OTHER:
            raise Refusal(
                ErrorCode.INVALID_STATE,
                "only an accepted notice of a payment or a refund moves an order",
                verdict=notice.verdict,
                kind=notice.kind,
            )
        log.info("notice_replayed", notice_id=notice_id, actor=actor)
        async with self._database.transaction() as connection:
            was_left = await NoticeQueue(connection).reopen(notice_id)
            if not to_judge:
                await _put_on_record(connection, notice_id, actor, reason)
        if was_left:
            notice, _ = await self._kept(notice_id)
        if notice.handled_at is None:
            try:
                await self._relay.relay_promptly(notice)
            except (RPCError, RuntimeError, TimeoutError) as error:
                detail = "the order cannot be told right now"
                raise Refusal(ErrorCode.UNAVAILABLE, detail) from error
        notice, _ = await self._kept(notice_id)
        return notice

    async def _kept(self, notice_id: str) -> tuple[Notice, RawNotice]:
        async with self._database.transaction() as connection:
            notices = Notices(connection)
            notice, raw = await notices.get(notice_id), await notices.raw(notice_id)
        if notice is None or raw is None:
            raise Refusal(ErrorCode.NOT_FOUND, "no such notice")
        return notice, raw


async def _put_on_record(
    connection: AsyncConnection, notice_id: str, actor: str, reason: str
) -> None:
    acts = OperatorActs(connection)
    await acts.record(OperatorAct.NOTICE_REPLAYED, notice_id, actor, reason)
