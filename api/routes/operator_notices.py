"""What providers told us, as operators read it and tell it on once more."""

from fastapi import APIRouter

from api.deps import Cursor, Limit, OperatorDep, ServicesDep
from api.openapi_problems import refuses
from api.routes.names import known_name
from api.schemas.model import ReasonBody
from api.schemas.notices import NoticesPage, NoticeView, notice_view
from domain.errors import ErrorCode
from infra.postgres.notices import Notices
from infra.readable import all_readable

router = APIRouter(prefix="/v1/operator", tags=["operator"])


@router.get("/notices", summary="Notices of payment providers, newest first")
async def list_notices(
    _operator: OperatorDep, services: ServicesDep, cursor: Cursor = None, limit: Limit = 50
) -> NoticesPage:
    """All that came, the refused ones too: `verdict` says what became of each."""
    async with services.database.transaction() as connection:
        notices, following = await Notices(connection).page(cursor, limit)
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
