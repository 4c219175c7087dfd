"""What needs a person, as operators see it."""

from api.schemas.attentions import attention_view
from domain.attention import Attention, AttentionKind
from tests.support.values import NOON


def test_an_attention_is_told_whole() -> None:
    attention = Attention(
        attention_id=7,
        kind=AttentionKind.STOCK_DRIFT,
        subject="noon:mug",
        order_id=None,
        what="the gate counts 3, the ledger 4",
        advice="audit",
        raised_at=NOON,
    )

    view = attention_view(attention).model_dump()
    assert [action["name"] for action in view.pop("actions")] == ["audit", "resolve"]
    assert view == attention.model_dump()
