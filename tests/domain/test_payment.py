from datetime import timedelta

import pytest

from domain.payment import (
    PaymentMethod,
    PaymentScene,
    is_begun_here,
    is_signed_link,
    offer_ends,
    order_id_of_payment,
    payment_id_for,
)
from tests.support.values import NOON, an_item, an_order

ORDER_ID = an_order(an_item()).order_id
# What WeChat Pay allows in an `out_trade_no`.
LONGEST = 32


@pytest.mark.parametrize("method", list(PaymentMethod))
@pytest.mark.parametrize("attempt", [1, 2, 99])
def test_a_payment_number_leads_back_to_its_order(method: PaymentMethod, attempt: int) -> None:
    number = payment_id_for(ORDER_ID, method, attempt)

    assert order_id_of_payment(number) == ORDER_ID
    assert len(number) <= LONGEST
    assert number.isalnum()


def test_each_method_and_attempt_has_a_number_of_its_own() -> None:
    numbers = {
        payment_id_for(ORDER_ID, method, attempt)
        for method in PaymentMethod
        for attempt in range(1, 30)
    }

    assert len(numbers) == 29 * len(PaymentMethod)


@pytest.mark.parametrize(
    "number",
    ["", ORDER_ID, "shop-4711", "x" * 28, f"x{ORDER_ID}A1"],
    ids=["none", "an order's", "a shop's", "no order id in it", "one that begins elsewhere"],
)
def test_a_number_that_is_not_ours_belongs_to_no_order(number: str) -> None:
    assert order_id_of_payment(number) is None


def test_only_alipays_page_is_a_link_that_we_sign_ourselves() -> None:
    signed = {
        (method, scene)
        for method in PaymentMethod
        for scene in PaymentScene
        if is_signed_link(method, scene)
    }

    assert signed == {(PaymentMethod.ALIPAY, PaymentScene.PAGE)}


@pytest.mark.parametrize("scene", list(PaymentScene))
def test_points_are_offered_without_asking_anybody(scene: PaymentScene) -> None:
    assert is_begun_here(PaymentMethod.POINTS, scene)
    assert not is_begun_here(PaymentMethod.WECHATPAY, scene)
    assert is_begun_here(PaymentMethod.ALIPAY, scene) == (scene is PaymentScene.PAGE)


@pytest.mark.parametrize(
    ("method", "scene", "is_a_code"),
    [
        (PaymentMethod.WECHATPAY, PaymentScene.QR, True),
        (PaymentMethod.WECHATPAY, PaymentScene.PAGE, True),
        (PaymentMethod.ALIPAY, PaymentScene.QR, True),
        (PaymentMethod.ALIPAY, PaymentScene.PAGE, False),
        (PaymentMethod.POINTS, PaymentScene.PAGE, False),
    ],
)
def test_a_code_lives_two_hours_and_never_longer_than_the_order_waits(
    method: PaymentMethod, scene: PaymentScene, is_a_code: bool
) -> None:
    week, hour = NOON + timedelta(days=7), NOON + timedelta(hours=1)

    assert offer_ends(method, scene, NOON, hour) == hour
    assert offer_ends(method, scene, NOON, week) == (
        NOON + timedelta(hours=2) if is_a_code else week
    )
