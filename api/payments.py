"""How a buyer begins to pay an order."""

from collections.abc import Mapping
from datetime import UTC, datetime

from temporalio.workflow import UpdateMethodMultiParam

from api.auth import Caller
from api.order_updates import OrderUpdates
from api.orders import OrderLookup, refuse_unless
from api.problems import invalid
from api.workflow_calls import NoAnswerYet
from domain.errors import ErrorCode, Refusal
from domain.payment import Payment, PaymentMethod, PaymentScene, is_signed_link, offer_ends
from domain.states import UNFINISHED, PaymentStatus
from infra.gateways.protocol import Gateway
from infra.postgres.engine import Database
from infra.postgres.payable_orders import PayableOrders
from infra.postgres.stock import Stock
from workflows.order import OrderWorkflow
from workflows.updates import BeginPayment, PayWithPoints

# A provider is asked meanwhile, and providers are slow at times.
OFFER_SECONDS = 20.0
PLACED_SECONDS = 2.0

_USUAL_SCENE = {
    PaymentMethod.ALIPAY: PaymentScene.PAGE,
    PaymentMethod.WECHATPAY: PaymentScene.QR,
}


class PaymentsAhead:
    """Payments that are begun, or stand, without their order's workflow being asked."""

    def __init__(self, database: Database, gateways: Mapping[PaymentMethod, Gateway]) -> None:
        self._database = database
        self._gateways = gateways

    async def begin(
        self, order_id: str, actor: str, method: PaymentMethod, scene: PaymentScene
    ) -> Payment | None:
        """The payment that stands, however often it is asked for, or a link that is signed here
        and now. None where the workflow must be asked: it may answer so many updates and no more.
        """
        now = datetime.now(UTC)
        async with self._database.transaction() as connection:
            payable = PayableOrders(connection)
            order = await payable.hold(order_id, now)
            if order is None:
                return None
            found = await payable.next_payment(order_id, method, scene, now)
            if found.standing or not (found.may_be_begun_ahead and is_signed_link(method, scene)):
                # One without an action is just being asked of its provider.
                return found.standing if found.standing and found.standing.action else None
            item = await Stock(connection).item(order.item)
            deadline = order.pay_deadline or now
            payment = Payment(
                payment_id=found.payment_id,
                order_id=order_id,
                method=method,
                scene=scene,
                status=PaymentStatus.CREATED,
                amount=order.amount,
                currency=order.currency,
                expires_at=offer_ends(method, scene, now, deadline),
                created_at=now,
            )
            # Only signed: the provider hears of it when the buyer follows the link.
            charge = payment.charge_for(item.title if item and item.title else order.sku_id)
            action = await self._gateways[method].create(charge)
            payment = payment.model_copy(update={"action": action})
            # Or else the workflow has just taken the number, for a code.
            return payment if await payable.begin(payment, actor) else None


class OrderPayments:
    def __init__(
        self,
        orders: OrderLookup,
        updates: OrderUpdates,
        ahead: PaymentsAhead,
        gateways: Mapping[PaymentMethod, Gateway],
    ) -> None:
        self._orders = orders
        self._updates = updates
        self._ahead = ahead
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
            if payment := await self._ahead.begin(order_id, caller.actor, method, scene):
                return payment
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
