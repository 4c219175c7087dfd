from domain.reservation import Intent
from domain.sale import ItemRef


def test_an_intent_names_its_item() -> None:
    intent = Intent(order_id="O1", sale_id="noon", sku_id="mug", user_id="ada", quantity=1)

    assert intent.item == ItemRef(sale_id="noon", sku_id="mug")


def test_an_intent_of_before_is_read_as_one_that_no_gate_has_accepted() -> None:
    written = {"order_id": "O1", "sale_id": "s", "sku_id": "k", "user_id": "ada", "quantity": "2"}

    intent = Intent.model_validate(written)

    assert (intent.quantity, intent.accepted_at_ms) == (2, 0)
