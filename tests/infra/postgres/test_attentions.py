import asyncio

from domain.attention import AttentionKind
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database

DRIFT, DEAD = AttentionKind.STOCK_DRIFT, AttentionKind.DEAD_INTENT


async def _raise(database: Database, kind: AttentionKind, subject: str) -> bool:
    async with database.transaction() as connection:
        return await Attentions(connection).raise_(
            kind, subject, order_id="O1", what="Redis is ahead", advice="Run the audit."
        )


async def test_one_is_open_per_kind_and_subject(database: Database) -> None:
    assert await _raise(database, DRIFT, "O1") is True
    assert await _raise(database, DRIFT, "O1") is False
    assert await _raise(database, DRIFT, "O2") is True
    assert await _raise(database, DEAD, "O1") is True


async def test_raised_by_many_at_once_it_is_open_once(database: Database) -> None:
    raised = await asyncio.gather(*(_raise(database, DRIFT, "O1") for _ in range(8)))
    assert raised.count(True) == 1


async def test_what_is_resolved_is_closed_once_and_may_be_raised_again(
    database: Database,
) -> None:
    await _raise(database, DRIFT, "O1")
    async with database.transaction() as connection:
        attentions = Attentions(connection)
        assert await attentions.resolve(DRIFT, "O1", "carol") is True
        assert await attentions.resolve(DRIFT, "O1", "dave") is False
        assert await attentions.open_(None, 10) == ([], None)
    assert await _raise(database, DRIFT, "O1") is True


async def test_what_is_settled_is_found_by_its_order_and_its_subjects_ending(
    database: Database,
) -> None:
    for subject in ("alipay:2030-01-01:late:R1", "alipay:2030-01-02:late:R1", "alipay:x:late:R11"):
        await _raise(database, DRIFT, subject)
    async with database.transaction() as connection:
        attentions = Attentions(connection)
        for kind, order_id, ending in (
            (DEAD, "O1", ":R1"),
            (DRIFT, "O2", ":R1"),
            (DRIFT, "O1", "_"),
        ):
            assert not await attentions.resolve_of_order(kind, order_id, ending, "carol", "")
        assert await attentions.resolve_of_order(DRIFT, "O1", ":late:R1", "carol", "it is done")
        left, _ = await attentions.open_(None, 10)
    assert [row.subject for row in left] == ["alipay:x:late:R11"]


async def test_the_open_ones_page_oldest_first(database: Database) -> None:
    for number in range(3):
        await _raise(database, DRIFT, f"O{number}")
    async with database.transaction() as connection:
        attentions = Attentions(connection)
        first, cursor = await attentions.open_(None, 2)
        second, end = await attentions.open_(cursor, 2)
    assert [row.subject for row in first + second] == ["O0", "O1", "O2"]
    assert end is None
    assert (first[0].what, first[0].advice, first[0].order_id) == (
        "Redis is ahead",
        "Run the audit.",
        "O1",
    )


async def test_who_resolved_it_and_how_is_remembered(database: Database) -> None:
    await _raise(database, DRIFT, "O1")
    await _raise(database, DRIFT, "O2")
    async with database.transaction() as connection:
        attentions = Attentions(connection)
        await attentions.resolve(DRIFT, "O1", "carol", "counted by hand")
        everything, end = await attentions.page(None, 10)
        resolved = await attentions.lock(everything[1].attention_id)
        assert await attentions.lock(10**9) is None
    assert [row.subject for row in everything] == ["O2", "O1"]
    assert end is None
    assert resolved == everything[1]
    assert (resolved.resolved_by, resolved.resolution) == ("carol", "counted by hand")
    assert resolved.resolved_at is not None


async def test_tries_go_on_while_it_is_open(database: Database) -> None:
    for tries in (3, 7, 5):
        async with database.transaction() as connection:
            raised = await Attentions(connection).raise_(
                DRIFT, "O1", what="again", advice="wait", step="settle_payment", tries=tries
            )
        assert raised is (tries == 3)
    async with database.transaction() as connection:
        ((open_,), _) = await Attentions(connection).open_(None, 10)
    assert (open_.step, open_.tries) == ("settle_payment", 7)
