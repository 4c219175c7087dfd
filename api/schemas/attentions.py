"""What needs a person, as operators see it."""

from pydantic import AwareDatetime

from api.schemas.model import View
from domain.attention import Attention, AttentionKind


class AttentionView(View):
    attention_id: int
    kind: AttentionKind
    subject: str
    order_id: str | None
    what: str
    advice: str
    raised_at: AwareDatetime
    resolved_at: AwareDatetime | None
    resolved_by: str | None
    resolution: str


class AttentionPage(View):
    attention: list[AttentionView]
    next_cursor: str | None


def attention_view(attention: Attention) -> AttentionView:
    return AttentionView.model_validate(attention.model_dump())
