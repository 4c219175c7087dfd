import pytest

from domain.gateway_errors import BillNotReady, Declined, GatewayError, NotEnoughPoints, TryLater


def test_too_few_points_says_how_many_there_are_and_how_many_it_takes() -> None:
    error = NotEnoughPoints(balance=5, needed=880)

    assert (error.balance, error.needed) == (5, 880)
    assert str(error) == "880 points needed, 5 there"


def test_a_bill_that_is_not_ready_is_asked_for_again() -> None:
    assert issubclass(BillNotReady, TryLater)


@pytest.mark.parametrize("error", [Declined, NotEnoughPoints])
def test_a_refusal_is_never_taken_for_an_answer_that_is_still_open(
    error: type[GatewayError],
) -> None:
    assert not issubclass(error, TryLater)
