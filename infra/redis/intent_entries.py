"""What lies in an item's streams: entries that wait, and dead ones."""

from pydantic import ValidationError

from domain.ids import is_order_id
from domain.model import Value
from domain.reservation import Intent
from domain.sale import ItemRef


class MalformedIntent(Exception):
    """An entry that says no order; it will never say one."""


class IntentEntry(Value):
    """`failures`: how often it failed by its own fault, over all consumers."""

    item: ItemRef
    entry_id: str
    fields: dict[str, str]
    failures: int = 0

    def intent(self) -> Intent:
        """Raises MalformedIntent. The message names fields, not what they hold."""
        said = {**self.fields, "sale_id": self.item.sale_id, "sku_id": self.item.sku_id}
        try:
            intent = Intent.model_validate(said)
        except ValidationError as error:
            wrong = sorted({str(problem["loc"][0]) for problem in error.errors()})
            raise MalformedIntent(f"missing or wrong: {', '.join(wrong)}") from error
        if self.order_id is None or intent.quantity < 1:
            raise MalformedIntent("no order id, or no quantity")
        return intent

    @property
    def order_id(self) -> str | None:
        said = self.fields.get("order_id", "")
        return said if is_order_id(said) else None

    @property
    def subject(self) -> str:
        """The order it is about, or where it lies if it does not say."""
        return self.order_id or f"{self.item.sale_id}:{self.item.sku_id}:{self.entry_id}"


class DeadIntent(Value):
    """An entry that was given up. `dead_id` names it in the dead stream."""

    item: ItemRef
    dead_id: str
    entry_id: str
    error: str
    fields: dict[str, str]

    @property
    def subject(self) -> str:
        """As of the entry it was: its attention is found by it."""
        return IntentEntry(item=self.item, entry_id=self.entry_id, fields=self.fields).subject
