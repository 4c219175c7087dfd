"""What a buyer knows of a click whose answers were lost."""

from random import Random
from types import SimpleNamespace
from typing import Any, cast

import pytest

from domain.sale import ItemRef
from practice.rush.clicks import Clicks
from practice.rush.context import RushContext
from practice.rush.http import Answer, Unreachable
from practice.rush.notes import Notes
from practice.rush.retries import Retries

ITEM = ItemRef(sale_id="S1", sku_id="phone")
SOLD_OUT = Answer(409, {}, b'{"code": "SOLD_OUT"}')


@pytest.mark.parametrize(
    ("tries", "unsure"),
    [
        ([Unreachable("reset"), SOLD_OUT], {"anna"}),
        ([Answer(503, {}, b""), SOLD_OUT], {"anna"}),
        ([SOLD_OUT], set()),
    ],
)
async def test_a_buyer_is_unsure_once_a_try_may_have_been_heard(
    tries: list[Answer | Unreachable], unsure: set[str]
) -> None:
    async def place_order(*_: Any) -> Answer:
        outcome = tries.pop(0)
        if isinstance(outcome, Unreachable):
            raise outcome
        return outcome

    notes = Notes()
    context = SimpleNamespace(
        shop=SimpleNamespace(place_order=place_order),
        notes=notes,
        retries=Retries(notes, 5.0, Random("1")),
        tokens={"anna": "anna"},
    )
    clicks = Clicks(cast(RushContext, context), ITEM, lambda _: None)

    assert await clicks.click("anna") == ("SOLD_OUT", "")
    assert notes.unsure == unsure
