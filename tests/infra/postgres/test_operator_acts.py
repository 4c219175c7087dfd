from domain.operator_act import OperatorAct
from infra.postgres.engine import Database
from infra.postgres.operator_acts import OperatorActs
from tests.support.operators import acts_of


async def test_an_act_says_who_did_what_and_why(database: Database) -> None:
    async with database.transaction() as connection:
        acts = OperatorActs(connection)
        await acts.record(OperatorAct.SALE_PUBLISHED, "noon", "operator:eve", "all is set")
        await acts.record(OperatorAct.NOTICE_REPLAYED, "n-1", "operator:bob")

    assert await acts_of(database) == [
        ("operator:eve", "sale_published", "noon", "all is set"),
        ("operator:bob", "notice_replayed", "n-1", ""),
    ]
