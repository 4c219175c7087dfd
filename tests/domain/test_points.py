import pytest

from domain.payment import PaymentMethod
from domain.points import EARNING_METHODS, GIVES, TAKES, PointsKind, award_for


@pytest.mark.parametrize(
    ("money", "points"),
    [([], 0), ([99], 0), ([100], 1), ([8899], 88), ([8800, 100], 89), ([99, 99], 0)],
    ids=["nothing", "less than a yuan", "a yuan", "the rest is lost", "of each payment", "apart"],
)
def test_each_whole_yuan_of_a_payment_earns_one_point(money: list[int], points: int) -> None:
    assert award_for(money) == points


def test_points_that_are_spent_earn_none() -> None:
    assert {PaymentMethod.ALIPAY, PaymentMethod.WECHATPAY} == EARNING_METHODS


def test_each_kind_of_entry_either_gives_or_takes() -> None:
    assert sorted(GIVES + TAKES) == sorted(PointsKind)
