"""Each button is a call that the API has, and needs what it says."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from api.app import create_app
from api.attention_actions import Action, actions_of
from domain.attention import Attention, AttentionKind
from infra.settings import Settings
from tests.support.callers import SECRET
from tests.support.documented import Document

ORDER = "0" * 26
SUBJECTS = {
    AttentionKind.DELIVERY_FAILED: f"{ORDER}:points_award",
    AttentionKind.BILL_MISMATCH: "alipay:2030-01-01:missing:R1",
}
NAMES = {
    AttentionKind.STOCK_DRIFT: ["audit", "resolve"],
    AttentionKind.DEAD_INTENT: ["retry", "resolve"],
    AttentionKind.LOST_ORDER: ["recheck", "cancel", "resolve"],
    AttentionKind.UNMATCHED_NOTICE: ["replay", "resolve"],
    AttentionKind.SURPLUS_MONEY: ["recheck", "resolve"],
    AttentionKind.DELIVERY_FAILED: ["retry", "skip"],
    AttentionKind.REFUND_FAILED: ["retry", "resolve"],
    AttentionKind.BILL_MISMATCH: ["compare again", "resolve"],
    AttentionKind.STEP_STUCK: ["recheck", "resolve"],
    AttentionKind.STORE_LOST: ["audit", "resolve"],
    AttentionKind.AUDIT_FAILED: ["audit", "resolve"],
    AttentionKind.NOT_HEALED: ["audit", "resolve"],
}


def attention(kind: AttentionKind, **fields: Any) -> Attention:
    known = {"attention_id": 7, "subject": SUBJECTS.get(kind, "S1"), "order_id": ORDER}
    said = {"what": "it broke", "advice": "mend it", "raised_at": datetime.now(UTC)}
    return Attention(kind=kind, **(known | said | fields))


@pytest.fixture(scope="module")
def written() -> dict[str, Any]:
    document: dict[str, Any] = create_app(Settings(jwt_secret=SECRET)).openapi()
    return document


@pytest.mark.parametrize("kind", AttentionKind)
def test_every_button_is_a_call_that_is_there(kind: AttentionKind, written: dict[str, Any]) -> None:
    actions = actions_of(attention(kind))

    assert [action.name for action in actions] == NAMES.get(kind, ["resolve"])
    for action in actions:
        body = body_of(action, written)
        assert ("reason" in body.get("required", ())) == action.needs_reason, action
        needed = set(body.get("required", ())) - {"reason"}
        assert needed <= set(action.body or {}) <= set(body["properties"])


def test_what_names_no_order_has_no_button_of_one() -> None:
    stuck = attention(AttentionKind.STEP_STUCK, order_id=None)

    assert [action.name for action in actions_of(stuck)] == ["resolve"]


def test_what_is_resolved_has_no_buttons() -> None:
    assert actions_of(attention(AttentionKind.DEAD_INTENT, resolved_at=datetime.now(UTC))) == []


def body_of(action: Action, written: dict[str, Any]) -> dict[str, Any]:
    asked = httpx.Request(action.method, f"http://localhost{action.path}")
    operation = Document(written).operation(asked)
    assert operation is not None, action
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    named = next(one for one in schema.get("anyOf", [schema]) if "$ref" in one)
    body: dict[str, Any] = written["components"]["schemas"][named["$ref"].rpartition("/")[2]]
    return body
