"""What a provider says and nobody can read is told to a person, and untold when it can be."""

import pytest

from activities.unreadable_answers import calling_a_person
from domain.attention import Attention, AttentionKind
from domain.gateway_errors import TryLater, UnreadableAnswer
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database

ORDER, NUMBER = "O" * 26, "P1"


async def _ask(database: Database, trouble: Exception | None = None) -> None:
    async with calling_a_person(database, ORDER, NUMBER):
        if trouble:
            raise trouble


async def _open(database: Database) -> list[Attention]:
    async with database.transaction() as connection:
        rows, _ = await Attentions(connection).open_(None, 10)
    return rows


async def test_an_answer_that_makes_no_sense_calls_one_person_at_once(database: Database) -> None:
    for _ in range(2):
        with pytest.raises(UnreadableAnswer):
            await _ask(database, UnreadableAnswer("wechatpay GET: unreadable answer"))

    (raised,) = await _open(database)
    assert (raised.kind, raised.order_id) == (AttentionKind.STEP_STUCK, ORDER)
    assert raised.what == (
        "nobody can read what the provider says of P1: wechatpay GET: unreadable answer"
    )


async def test_one_that_can_be_read_ends_it(database: Database) -> None:
    with pytest.raises(UnreadableAnswer):
        await _ask(database, UnreadableAnswer("odd"))

    await _ask(database)

    assert await _open(database) == []


async def test_no_answer_calls_nobody(database: Database) -> None:
    with pytest.raises(TryLater):
        await _ask(database, TryLater("away"))

    assert await _open(database) == []
