"""Which way of paying is begun, and what cannot be."""

from typing import Any, cast

import pytest

from api.order_updates import OrderUpdates
from api.payments import OrderPayments, PaymentsAhead
from api.workflow_calls import NoAnswerYet
from domain.errors import ErrorCode, Refusal
from domain.payment import PaymentMethod, PaymentScene
from infra.gateways.protocol import Gateway
from infra.postgres.engine import Database
from tests.support.api_doubles import ADA, OLGA, OneOrder, ToldWorkflows, a_dossier
from tests.support.values import a_payment
from workflows.updates import BeginPayment

ALIPAY, WECHATPAY, POINTS = PaymentMethod.ALIPAY, PaymentMethod.WECHATPAY, PaymentMethod.POINTS


class Workflows(ToldWorkflows):
    def __init__(self, *answers: object) -> None:
        super().__init__(*answers)
        self.sent: list[object] = []

    async def update(self, workflow_id: str, update: Any, *arguments: Any, **more: Any) -> Any:
        self.sent += arguments
        return await super().update(workflow_id, update, *arguments, **more)


class NothingAhead(PaymentsAhead):
    def __init__(self) -> None:
        return

    async def begin(self, *asked: object) -> None:
        return None


def payments(workflows: ToldWorkflows, *methods: PaymentMethod) -> OrderPayments:
    orders = OneOrder(a_dossier())
    updates = OrderUpdates(workflows, orders, cast(Database, None))
    return OrderPayments(
        orders, updates, NothingAhead(), dict.fromkeys(methods, cast(Gateway, None))
    )


@pytest.mark.parametrize(
    ("method", "asked", "begun"),
    [
        (ALIPAY, None, PaymentScene.PAGE),
        (ALIPAY, PaymentScene.QR, PaymentScene.QR),
        (WECHATPAY, None, PaymentScene.QR),
    ],
)
async def test_each_provider_has_its_usual_scene(
    method: PaymentMethod, asked: PaymentScene | None, begun: PaymentScene
) -> None:
    payment = a_payment(a_dossier().order, method)
    workflows = Workflows(payment)

    assert await payments(workflows, ALIPAY, WECHATPAY).begin("O1", ADA, method, asked) == payment
    assert workflows.sent == [BeginPayment(method=method, scene=begun, actor="buyer:ada")]


async def test_a_method_that_is_not_set_up_is_named() -> None:
    with pytest.raises(Refusal) as refusal:
        await payments(Workflows(), ALIPAY).begin("O1", ADA, WECHATPAY, None)

    assert refusal.value.code is ErrorCode.INVALID
    (error,) = cast(list[dict[str, object]], refusal.value.extra["errors"])
    assert error["loc"] == ["body", "method"]


async def test_points_are_spent_by_their_owner_alone() -> None:
    with pytest.raises(Refusal) as refusal:
        await payments(Workflows(), POINTS).begin("O1", OLGA, POINTS, None)
    assert refusal.value.code is ErrorCode.FORBIDDEN

    workflows = Workflows("paid")
    assert await payments(workflows, POINTS).begin("O1", ADA, POINTS, None) == cast(Any, "paid")
    assert [update for _, update in workflows.told] == ["pay_with_points"]


@pytest.mark.parametrize("method", [ALIPAY, POINTS])
async def test_an_offer_that_takes_long_is_to_be_asked_for_again(method: PaymentMethod) -> None:
    with pytest.raises(Refusal) as refusal:
        await payments(Workflows(NoAnswerYet()), ALIPAY, POINTS).begin("O1", ADA, method, None)
    assert refusal.value.code is ErrorCode.UNAVAILABLE
