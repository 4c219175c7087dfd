"""Who has something to say to an order need not wait until its workflow is started in its turn."""

from api.order_updates import OrderUpdates
from api.orders import OrderLookup
from api.workflow_calls import WorkflowCalls
from domain.payment import PaymentMethod, PaymentScene
from domain.states import OrderStatus
from infra.postgres.flights.placing import PlacingFlights
from tests.support.shop import Shop
from tests.support.unlucky_branches import handle_of
from workflows.order import OrderWorkflow
from workflows.updates import BeginPayment


async def test_a_payer_overtakes_those_whose_workflows_wait_to_be_started(shop: Shop) -> None:
    intent = await shop.intent()
    await PlacingFlights(shop.database).place(intent)
    calls = WorkflowCalls(shop.client, shop.settings.task_queue)
    updates = OrderUpdates(calls, OrderLookup(shop.database, shop.gate), shop.database)
    begin = BeginPayment(method=PaymentMethod.WECHATPAY, scene=PaymentScene.QR, actor="buyer:ada")

    payment = await updates.tell(intent.order_id, OrderWorkflow.begin_payment, begin, 20)

    assert payment.action is not None
    assert await shop.cancel(handle_of(shop, intent)) is OrderStatus.CANCELLED
    assert payment.payment_id in shop.wechatpay.closed
