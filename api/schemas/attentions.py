"""What needs a person, as operators see it."""

from dataclasses import asdict
from typing import Literal

from pydantic import AwareDatetime

from api.attention_actions import actions_of
from api.schemas.model import View
from domain.attention import Attention, AttentionKind


class AttentionActionView(View):
    """A button: the call that does something about it. `body`: what it needs besides a reason;
    `needs_reason`: whether it is refused without one."""

    name: str
    method: Literal["POST"]
    path: str
    needs_reason: bool
    body: dict[str, str] | None


class AttentionView(View):
    """`actions`: what can be done about it here, none once it is resolved. `step`: which step
    waits, as its workflow calls it, after so many `tries`."""

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
    step: str | None
    tries: int
    actions: list[AttentionActionView]


class AttentionPage(View):
    attention: list[AttentionView]
    next_cursor: str | None


def attention_view(attention: Attention) -> AttentionView:
    shown = [AttentionActionView.model_validate(asdict(one)) for one in actions_of(attention)]
    return AttentionView.model_validate({**attention.model_dump(), "actions": shown})
