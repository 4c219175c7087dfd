"""Everything that is not a success."""

from typing import Annotated, Any

from pydantic import AwareDatetime, ConfigDict, Field

from api.schemas.model import View
from api.schemas.rooms import EtaView
from domain.errors import ErrorCode
from domain.notice import NoticeKind, Verdict
from domain.states import OrderStatus, SaleStatus


class Problem(View):
    """Every answer that is not a success. Some codes add members of their own."""

    model_config = ConfigDict(frozen=True, extra="allow")

    type: str = Field(description="`urn:seckill:problem:` and the code")
    title: str = Field(description="what this code means, always in the same words")
    status: int = Field(description="the answer's HTTP status")
    detail: str = Field(description="what was wrong this time, for people")
    code: ErrorCode = Field(description="what a program goes by")


class FieldError(View):
    """`loc`: where the fault lies, as in `["body", "items", 0, "price"]`."""

    loc: list[str | int]
    msg: str
    type: str


class InvalidMembers(View):
    errors: list[FieldError]


class NotStartedMembers(View):
    starts_at: AwareDatetime


class EndedMembers(View):
    ends_at: AwareDatetime


class LimitReachedMembers(View):
    order_id: str | None = Field(description="the order that used the limit up, if it is one")


def without_default(schema: dict[str, Any]) -> None:
    """For a member that is left out, and never null: the document shows no default of it."""
    del schema["default"]


# Left out where it does not apply, and never null.
Absent: Any = Field(default=None, json_schema_extra=without_default)


class InvalidStateMembers(View):
    """Each where it applies: of orders, of commands to a sale, of replaying a notice.
    `available`: units that could be taken back. `version`: the one the sale is at."""

    order_status: Annotated[OrderStatus, Absent]
    sale_status: Annotated[SaleStatus, Absent]
    available: Annotated[int, Absent]
    version: Annotated[int, Absent]
    verdict: Annotated[Verdict, Absent]
    kind: Annotated[NoticeKind, Absent]


class SoldOutMembers(View):
    waiting: Annotated[int, Absent]


class NotYourTurnMembers(View):
    place: int | None
    serving: int
    eta_seconds: EtaView | None


class InsufficientPointsMembers(View):
    balance: int
    needed: int


# The members a code adds. What has none here adds none.
MEMBERS: dict[ErrorCode, type[View]] = {
    ErrorCode.INVALID: InvalidMembers,
    ErrorCode.NOT_STARTED: NotStartedMembers,
    ErrorCode.ENDED: EndedMembers,
    ErrorCode.LIMIT_REACHED: LimitReachedMembers,
    ErrorCode.SOLD_OUT: SoldOutMembers,
    ErrorCode.NOT_YOUR_TURN: NotYourTurnMembers,
    ErrorCode.INVALID_STATE: InvalidStateMembers,
    ErrorCode.INSUFFICIENT_POINTS: InsufficientPointsMembers,
}
