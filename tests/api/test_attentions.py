"""Which attentions a person may close by hand, and which are closed by a decision elsewhere."""

import pytest
from redis.asyncio import Redis

from api.attentions import DECIDED_ELSEWHERE, AttentionDecisions
from domain.attention import AttentionKind
from domain.errors import ErrorCode, Refusal
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database
from infra.redis.stock_gate import StockGate

OLGA = "operator:olga"


@pytest.fixture
def decisions(database: Database, redis: Redis) -> AttentionDecisions:
    return AttentionDecisions(database, redis, StockGate(redis))


async def raised(database: Database, kind: AttentionKind, subject: str = "noon:mug:1-1") -> int:
    """The number of a new attention."""
    async with database.transaction() as connection:
        attentions = Attentions(connection)
        await attentions.raise_(kind, subject, order_id=None, what="it broke", advice="mend it")
        rows, _ = await attentions.open_(None, 1)
    return rows[0].attention_id


@pytest.mark.parametrize("kind", AttentionKind)
async def test_what_a_workflow_waits_for_is_decided_there(
    database: Database, decisions: AttentionDecisions, kind: AttentionKind
) -> None:
    number = await raised(database, kind)
    if kind not in DECIDED_ELSEWHERE:
        closed = await decisions.resolve(number, OLGA, "seen to")
        assert (closed.resolved_by, closed.resolution) == (OLGA, "seen to")
        return
    with pytest.raises(Refusal) as refusal:
        await decisions.resolve(number, OLGA, "seen to")
    assert refusal.value.code is ErrorCode.INVALID_STATE
    assert DECIDED_ELSEWHERE[kind] in refusal.value.detail


@pytest.mark.parametrize("kind", AttentionKind)
async def test_what_cannot_be_revived_stays_open(
    database: Database, decisions: AttentionDecisions, kind: AttentionKind
) -> None:
    """A dead intent too, when it does not lie where its attention says."""
    number = await raised(database, kind)

    with pytest.raises(Refusal) as refusal:
        await decisions.revive(number, OLGA, "again")

    assert refusal.value.code is ErrorCode.INVALID_STATE
    async with database.transaction() as connection:
        rows, _ = await Attentions(connection).open_(None, 10)
    assert [row.attention_id for row in rows] == [number]


async def test_what_is_closed_says_by_whom(
    database: Database, decisions: AttentionDecisions
) -> None:
    number = await raised(database, AttentionKind.STOCK_DRIFT)
    await decisions.resolve(number, OLGA, "seen to")

    for decide in (decisions.resolve, decisions.revive):
        with pytest.raises(Refusal) as refusal:
            await decide(number, "operator:eve", "me too")
        assert refusal.value.code is ErrorCode.INVALID_STATE
        assert OLGA in refusal.value.detail


async def test_what_nobody_raised_is_not_found(decisions: AttentionDecisions) -> None:
    for decide in (decisions.resolve, decisions.revive):
        with pytest.raises(Refusal) as refusal:
            await decide(7, OLGA, "what?")
        assert refusal.value.code is ErrorCode.NOT_FOUND
