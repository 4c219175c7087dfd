"""What differs between a bill and our ledger is raised once, and resolved when it is settled."""

from datetime import date

import pytest

from activities.bill_attentions import RECONCILER, raise_mismatches, resolve_settled
from domain.attention import AttentionKind
from domain.bill import BillFault, BillMismatch
from domain.payment import PaymentMethod
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database

ALIPAY, DAY = PaymentMethod.ALIPAY, date(2030, 1, 1)
NOT_SETTLED = BillMismatch(
    fault=BillFault.NOT_SETTLED, reference="T1", payment_id="P1", order_id="O1", billed=8800
)
WRONG_AMOUNT = BillMismatch(
    fault=BillFault.WRONG_AMOUNT, reference="T2", payment_id="P2", billed=1, booked=8800
)


async def test_a_difference_is_raised_once_and_says_what_it_is(database: Database) -> None:
    async with database.transaction() as connection:
        both = (NOT_SETTLED, WRONG_AMOUNT)
        assert await raise_mismatches(connection, ALIPAY, DAY, both) == 2
        assert await raise_mismatches(connection, ALIPAY, DAY, both) == 0
        raised, _ = await Attentions(connection).open_(None, 10)

    what = {one.subject: (one.order_id, one.what) for one in raised}
    assert what["alipay:2030-01-01:not_settled:T1"] == (
        "O1",
        "alipay bill of 2030-01-01, T1: 8800 arrived for payment P1, and our ledger has nothing",
    )
    assert "1 in the bill, 8800 in our ledger" in what["alipay:2030-01-01:wrong_amount:T2"][1]


@pytest.mark.parametrize("fault", list(BillFault))
async def test_every_fault_has_words_and_an_advice(database: Database, fault: BillFault) -> None:
    mismatch = BillMismatch(fault=fault, reference="T1", payment_id="P1", billed=1, booked=2)
    async with database.transaction() as connection:
        await raise_mismatches(connection, ALIPAY, DAY, [mismatch])
        (raised,), _ = await Attentions(connection).open_(None, 10)

    assert raised.what
    assert raised.advice


async def test_what_is_not_found_again_is_settled(database: Database) -> None:
    async with database.transaction() as connection:
        await raise_mismatches(connection, ALIPAY, DAY, (NOT_SETTLED, WRONG_AMOUNT))
        await raise_mismatches(connection, ALIPAY, date(2030, 1, 2), (NOT_SETTLED,))
        await raise_mismatches(connection, PaymentMethod.WECHATPAY, DAY, (NOT_SETTLED,))

        await resolve_settled(connection, ALIPAY, DAY, (WRONG_AMOUNT,))
        rows, _ = await Attentions(connection).page(None, 10)

    resolved = {row.subject: row.resolved_by for row in rows if row.resolved_at}
    assert resolved == {"alipay:2030-01-01:not_settled:T1": RECONCILER}
    assert len(rows) == 4


async def test_what_a_person_has_closed_is_not_raised_again_and_what_agreed_for_a_while_is(
    database: Database,
) -> None:
    both = (NOT_SETTLED, WRONG_AMOUNT)
    async with database.transaction() as connection:
        await raise_mismatches(connection, ALIPAY, DAY, both)
        await Attentions(connection).resolve(
            AttentionKind.BILL_MISMATCH, "alipay:2030-01-01:not_settled:T1", "operator:olga", "done"
        )
        await resolve_settled(connection, ALIPAY, DAY, ())

        assert await raise_mismatches(connection, ALIPAY, DAY, both) == 1
        raised, _ = await Attentions(connection).open_(None, 10)

    assert [row.subject for row in raised] == ["alipay:2030-01-01:wrong_amount:T2"]
