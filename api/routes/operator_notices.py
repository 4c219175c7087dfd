"""What providers told us, as operators read it and tell it on once more."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from api.deps import Cursor, Limit, OperatorDep, ServicesDep
from api.openapi_problems import refuses
from api.routes.names import known_name
from api.schemas.model import PRINTABLE, ReasonBody
from api.schemas.notices import NoticesPage, NoticeView, notice_view
from domain.errors import ErrorCode
from domain.notice import NoticeKind, Verdict
from domain.payment import PaymentMethod
from infra.postgres.notices import NoticeFilter, Notices
from infra.readable import all_readable

router = APIRouter(prefix="/v1/operator", tags=["operator"])


Searched = Annotated[str | None, Query(max_length=128, pattern=PRINTABLE)]


async def notice_filter(
    method: PaymentMethod | None = None,
    kind: NoticeKind | None = None,
    verdict: Verdict | None = None,
    order_id: Searched = None,
    payment_id: Searched = None,
    handled: bool | None = None,
) -> NoticeFilter:
    return NoticeFilter(method, kind, verdict, order_id, payment_id, handled)


FilterDep = Annotated[NoticeFilter, Depends(notice_filter)]


@router.get("/notices", summary="Notices of payment providers, newest first")
async def list_notices(
    _operator: OperatorDep,
    services: ServicesDep,
    wanted: FilterDep,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> NoticesPage:
    """All that came and fit every given term, the refused ones too: `verdict` says what became of
    each. `handled=false` are those that nobody has acted on."""
    async with services.database.transaction() as connection:
        notices, following = await Notices(connection).page(cursor, limit, wanted)
    return NoticesPage(notices=all_readable(notices, notice_view), next_cursor=following)


@router.post(
    "/notices/{notice_id}/replay",
    summary="Tell the order of a notice once more",
    openapi_extra=refuses(ErrorCode.INVALID_STATE),
)
async def replay_notice(
    notice_id: str,
    operator: OperatorDep,
    services: ServicesDep,
    body: ReasonBody | None = None,
) -> NoticeView:
    """A notice that was refused is judged again first, as a key or payment may have been missing.
    Harmless for one that was acted on. An order that is over raises attention."""
    why = body.reason if body else ""
    replayed = await services.notices.replay(known_name(notice_id), operator.actor, why)
    return notice_view(replayed)
