"""Row, then provider, then another look: what may not be paid any more is not handed out."""

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.payments import OfferPayment, PaymentActivities
from domain.errors import ErrorCode
from domain.payment import Charge, PaymentScene, QrAction, RedirectAction
from infra.postgres.engine import Database
from infra.postgres.orders import Orders
from tests.support.gateway_double import GatewayDouble
from tests.support.ledger import damage, open_item, place
from tests.support.values import a_payment


class EndsMeanwhile(GatewayDouble):
    """While it is asked, the order is given up."""

    def __init__(self, database: Database, end: str) -> None:
        super().__init__()
        self._database, self._end = database, end

    async def create(self, charge: Charge) -> RedirectAction | QrAction:
        action = await super().create(charge)
        await damage(self._database, self._end)
        return action


@pytest.mark.parametrize(
    "end",
    [
        "UPDATE orders SET closing_at = now()",
        "UPDATE orders SET status = 'cancelled'",
        "UPDATE orders SET pay_deadline = now() - interval '1 second'",
    ],
)
async def test_what_may_not_be_paid_any_more_is_closed_and_not_handed_out(
    database: Database, end: str
) -> None:
    order = await place(database, await open_item(database))
    gateway = EndsMeanwhile(database, end)
    activities = PaymentActivities(database, {gateway.method: gateway})
    code = a_payment(order).model_copy(update={"scene": PaymentScene.QR})
    offer = OfferPayment(payment=code, subject="A mug", actor="buyer:ada")

    for _ in range(2):
        with pytest.raises(ApplicationError) as error:
            await ActivityEnvironment().run(activities.begin_payment, offer)
        assert (error.value.type, error.value.non_retryable) == (ErrorCode.INVALID_STATE, True)

    # The second time nobody asked the provider at all.
    assert gateway.closed == gateway.charges.keys()
    async with database.transaction() as connection:
        dossier = await Orders(connection).dossier(order.order_id)
    assert dossier is not None
    assert [payment.action for payment in dossier.payments] == [None]
    assert "payment_begun" not in [event.event for event in dossier.events]
