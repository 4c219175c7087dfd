"""Refunds as they are asked for and told."""

import pytest
from pydantic import ValidationError

from api.schemas.refunds import RefundBody, refund_summary, refund_view
from tests.support.api_doubles import a_dossier
from tests.support.values import a_payment, a_refund


def test_a_view_is_the_summary_without_its_reason() -> None:
    refund = a_refund(a_payment(a_dossier().order), amount=100)

    summary = refund_summary(refund).model_dump()

    assert summary == {**refund_view(refund).model_dump(), "reason": "order"}
    assert (summary["refund_id"], summary["amount"]) == (refund.refund_id, 100)


@pytest.mark.parametrize("amount", [0, -1, 1.0, "100", True, 10**12 + 1])
def test_an_amount_is_a_whole_number_above_zero(amount: object) -> None:
    assert RefundBody(reason="a scratch").amount is None
    with pytest.raises(ValidationError, match="amount"):
        RefundBody.model_validate({"amount": amount, "reason": "a scratch"})
