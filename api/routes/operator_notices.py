"""What providers told us."""

import structlog
from fastapi import APIRouter
from temporalio.service import RPCError

from api.deps import Cursor, Limit, OperatorDep, Services, ServicesDep
from api.operator_schemas import NoticesPage, NoticeView
from api.routes.names import known_name
from api.views import notice_view
from domain.errors import ErrorCode, Refusal
from domain.notice import Notice, NoticeKind, Verdict
from infra.gateways.protocol import RawNotice
from infra.postgres.notices import Notices

log = structlog.get_logger()

router = APIRouter(prefix="/v1/operator", tags=["operator"])


@router.get("/notices", summary="Notices of payment providers, newest first")
async def list_notices(
    _operator: OperatorDep, services: ServicesDep, cursor: Cursor = None, limit: Limit = 50
) -> NoticesPage:
    async with services.database.transaction() as connection:
        notices, following = await Notices(connection).page(cursor, limit)
    return NoticesPage(notices=[notice_view(notice) for notice in notices], next_cursor=following)


@router.post("/notices/{notice_id}/replay", summary="Tell the order of a notice once more")
async def replay_notice(notice_id: str, operator: OperatorDep, services: ServicesDep) -> NoticeView:
    """A notice that was refused is judged again first, as a key or payment may have been missing.
    Harmless for one that was acted on. An order that is over raises attention."""
    notice = await _judged_again(services, known_name(notice_id))
    log.info("notice_replayed", notice_id=notice_id, actor=operator.actor)
    if notice.handled_at is None:
        try:
            await services.inbox.tell(notice)
        except (RPCError, RuntimeError, TimeoutError) as error:
            raise Refusal(ErrorCode.UNAVAILABLE, "the order cannot be told right now") from error
    return notice_view(notice)


async def _judged_again(services: Services, notice_id: str) -> Notice:
    """The notice, if it says that an order was paid. Raises Refusal."""
    notice, raw = await _kept(services, notice_id)
    if notice.verdict is not Verdict.ACCEPTED and notice.method in services.gateways:
        await services.inbox.judge(notice.method, raw)
        notice, _ = await _kept(services, notice_id)
    if notice.verdict is not Verdict.ACCEPTED or notice.kind is not NoticeKind.PAYMENT:
        raise Refusal(
            ErrorCode.INVALID_STATE,
            "only an accepted notice of a payment moves an order",
            verdict=notice.verdict,
            kind=notice.kind,
        )
    return notice


async def _kept(services: Services, notice_id: str) -> tuple[Notice, RawNotice]:
    async with services.database.transaction() as connection:
        notices = Notices(connection)
        notice, raw = await notices.get(notice_id), await notices.raw(notice_id)
    if notice is None or raw is None:
        raise Refusal(ErrorCode.NOT_FOUND, "no such notice")
    return notice, raw
