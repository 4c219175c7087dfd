"""How a buyer begins to pay an order."""

from collections.abc import Mapping

from temporalio.workflow import UpdateMethodMultiParam

from api.auth import Caller
from api.order_updates import OrderUpdates
from api.orders import OrderLookup, refuse_unless
from api.problems import invalid
from api.workflow_calls import NoAnswerYet
from domain.errors import ErrorCode, Refusal
from domain.payment import Payment, PaymentMethod, PaymentScene
from domain.states import UNFINISHED
from infra.gateways.protocol import Gateway
from workflows.order import OrderWorkflow
from workflows.updates import BeginPayment, PayWithPoints

# A provider is asked meanwhile, and providers are slow at times.
OFFER_SECONDS = 20.0
PLACED_SECONDS = 2.0

_USUAL_SCENE = {
    PaymentMethod.ALIPAY: PaymentScene.PAGE,
    PaymentMethod.WECHATPAY: PaymentScene.QR,
}


class OrderPayments:
    def __init__(
        self,
        orders: OrderLookup,
        updates: OrderUpdates,
        gateways: Mapping[PaymentMethod, Gateway],
    ) -> None:
        self._orders = orders
        self._updates = updates
        self._gateways = gateways

    async def begin(
        self, order_id: str, caller: Caller, method: PaymentMethod, scene: PaymentScene | None
    ) -> Payment:
        """The payment by this method: begun now, or before. Points are paid at once; `scene` None
        is the provider's usual one.

        Raises Refusal: NOT_FOUND, INVALID_STATE, INVALID, UNAVAILABLE; for points also FORBIDDEN
        and INSUFFICIENT_POINTS.
        """
        # Whoever clicked is faster at the button than the placer, by a little.
        order = await self._orders.placed_view(order_id, caller, PLACED_SECONDS)
        refuse_unless(order, UNFINISHED)
        update: UpdateMethodMultiParam[..., Payment]
        argument: BeginPayment | PayWithPoints
        if method is PaymentMethod.POINTS:
            if order.user_id != caller.user_id:
                raise Refusal(ErrorCode.FORBIDDEN, "points are spent by their owner alone")
            update, argument = OrderWorkflow.pay_with_points, PayWithPoints(actor=caller.actor)
            later = "paying takes long; look at the order"
        else:
            if method not in self._gateways:
                raise invalid(["body", "method"], f"{method} is not set up here", kind="method")
            scene = scene or _USUAL_SCENE[method]
            update = OrderWorkflow.begin_payment
            argument = BeginPayment(method=method, scene=scene, actor=caller.actor)
            later = "the provider takes long; ask again"
        try:
            return await self._updates.tell(order_id, update, argument, OFFER_SECONDS)
        except NoAnswerYet as error:
            raise Refusal(ErrorCode.UNAVAILABLE, later) from error
        except Refusal as refusal:
            # The workflow knows of no body: what it cannot do is this method.
            if refusal.code is ErrorCode.INVALID:
                raise invalid(["body", "method"], refusal.detail, kind="method") from refusal
            raise
