from datetime import timedelta

import pytest

from domain.errors import Refusal
from domain.sale_command import CommandKind, digest_of, require_status
from domain.states import SALE_TRANSITIONS, SaleStatus
from tests.support.values import NOON, a_sale


def test_each_status_says_where_it_may_lead() -> None:
    assert SALE_TRANSITIONS.keys() == set(SaleStatus)
    assert not SALE_TRANSITIONS[SaleStatus.SETTLED] | SALE_TRANSITIONS[SaleStatus.CANCELLED]


def test_what_is_so_already_changes_nothing() -> None:
    paused = a_sale(status=SaleStatus.PAUSED)

    assert require_status(paused, SaleStatus.PAUSED, NOON) is False
    assert require_status(paused, SaleStatus.PUBLISHED, NOON) is True


@pytest.mark.parametrize("to", [SaleStatus.PAUSED, SaleStatus.CLOSED])
def test_a_draft_neither_pauses_nor_closes(to: SaleStatus) -> None:
    with pytest.raises(Refusal, match="the sale is draft"):
        require_status(a_sale(status=SaleStatus.DRAFT), to, NOON)


def test_what_is_over_by_the_clock_can_only_be_closed() -> None:
    over = a_sale(status=SaleStatus.PUBLISHED)
    later = NOON + timedelta(hours=1)

    with pytest.raises(Refusal, match="the sale is closed"):
        require_status(over, SaleStatus.PAUSED, later)
    assert require_status(over, SaleStatus.CLOSED, later) is True


def test_another_command_with_the_same_body_has_another_digest() -> None:
    said = {"reason": "x"}

    assert digest_of(CommandKind.PAUSE, said) == digest_of(CommandKind.PAUSE, dict(said))
    assert digest_of(CommandKind.PAUSE, said) != digest_of(CommandKind.CLOSE, said)
