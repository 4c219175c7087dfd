import pytest

from infra.redis.intent_entries import IntentEntry, MalformedIntent
from tests.support.gate import ITEM
from tests.support.values import an_item, an_order

ORDER_ID = an_order(an_item()).order_id
SAID = {"order_id": ORDER_ID, "user_id": "ada", "quantity": "2", "accepted_at_ms": "5"}


def _entry(**changes: str) -> IntentEntry:
    fields = {name: value for name, value in (SAID | changes).items() if value != "-"}
    return IntentEntry(item=ITEM, entry_id="1-0", fields=fields)


def test_an_entry_says_an_order_and_lies_with_its_item() -> None:
    intent = _entry().intent()

    assert (intent.order_id, intent.user_id, intent.quantity) == (ORDER_ID, "ada", 2)
    assert (intent.accepted_at_ms, intent.item) == (5, ITEM)


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"order_id": "-"}, "order_id"),
        ({"order_id": "nonsense"}, "no order id"),
        ({"user_id": "-", "quantity": "many"}, "quantity, user_id"),
        ({"quantity": "0"}, "no quantity"),
    ],
)
def test_an_entry_that_says_none_tells_what_is_wrong(changes: dict[str, str], wrong: str) -> None:
    with pytest.raises(MalformedIntent, match=wrong):
        _entry(**changes).intent()


def test_what_is_wrong_is_named_without_what_it_said() -> None:
    with pytest.raises(MalformedIntent) as malformed:
        _entry(quantity="a secret").intent()

    assert "secret" not in str(malformed.value)


def test_an_entry_is_about_its_order_or_else_about_where_it_lies() -> None:
    assert _entry().subject == ORDER_ID
    assert _entry(order_id="nonsense").subject == f"{ITEM.sale_id}:{ITEM.sku_id}:1-0"
