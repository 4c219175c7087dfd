"""Payment providers, as the order saga sees them: each activity is one call."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext, suppress
from typing import Any

from pydantic import model_validator
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.refusals import refusal
from activities.unreadable_answers import calling_a_person
from domain.errors import ErrorCode
from domain.gateway_errors import GatewayError, NotEnoughPoints, TryLater
from domain.model import Value
from domain.payment import (
    ClosedTrade,
    Payment,
    PaymentMethod,
    QrAction,
    Receipt,
    RedirectAction,
    Trade,
    is_signed_link,
)
from domain.states import PaymentStatus
from infra.gateways.points.paying import pay_with_points
from infra.gateways.protocol import Gateway
from infra.postgres.engine import Database
from infra.postgres.hot_path import HotPath
from infra.postgres.orders import Orders
from notices.stray_money import tell_of_returned_money


class OfferPayment(Value):
    """A new payment, to be offered to the buyer for `subject`."""

    payment: Payment
    subject: str
    actor: str

    @model_validator(mode="before")
    @classmethod
    def _read_old_shape(cls, data: Any) -> Any:
        # Steps that were scheduled by the release before this one still wait to be carried out.
        if isinstance(data, Mapping) and "payment" not in data:
            new = {**data, "status": PaymentStatus.CREATED, "created_at": data.get("begun_at")}
            return {**data, "payment": new}
        return data


class PaymentRef(Value):
    payment_id: str
    order_id: str
    method: PaymentMethod


class PaymentActivities:
    def __init__(self, database: Database, gateways: Mapping[PaymentMethod, Gateway]) -> None:
        self._database = database
        self._gateways = gateways

    @activity.defn
    async def begin_payment(self, offer: OfferPayment) -> Payment:
        """Write the payment down, offer it at the provider, and look again before it is handed out;
        a repeat offers the same one. Points are paid at once.

        Raises `UNAVAILABLE` while the provider does not answer, `INVALID_STATE` for an order that
        may not be paid (any more), and `INVALID` for a method that is not set up.
        """
        new, gateway = offer.payment, self._gateway(offer.payment.method)
        if new.method is PaymentMethod.POINTS:
            with _refusals():
                return await pay_with_points(self._database, new, offer.actor)
        # A signed link binds nobody, so it may come first: one query then does.
        if is_signed_link(new.method, new.scene):
            new = new.model_copy(update={"action": await _offer(gateway, offer)})
        async with self._database.driver() as driver, driver.transaction():
            payable = await HotPath(driver).hold_payable(new.order_id)
            payment = await HotPath(driver).begin_payment(new, offer.actor) if payable else new
        if not payable:
            raise await self._not_payable(new.order_id)
        if payment.action is not None:
            return payment
        # Asked for again after a try without an answer: a provider refuses a number that comes
        # with another last moment, and a moment that is over is none.
        if payment.expires_at < new.created_at:
            payment = payment.model_copy(update={"expires_at": new.expires_at})
        # Written before: what a provider may collect must be known here first.
        action = await _offer(gateway, offer.model_copy(update={"payment": payment}))
        await self._hand_out(gateway, payment.model_copy(update={"action": action}), offer.actor)
        return payment.model_copy(update={"action": action})

    @activity.defn
    async def query_payment(self, ref: PaymentRef) -> Trade:
        """Ask the provider what became of a payment."""
        async with self._heard(ref):
            trade = await self._gateway(ref.method).query(ref.payment_id)
        await self._tell_of(ref, trade.returned)
        return trade

    @activity.defn
    async def close_payment(self, ref: PaymentRef) -> ClosedTrade:
        """Make sure the payment cannot be paid any more, or learn that it has been."""
        async with self._heard(ref):
            closed = await self._gateway(ref.method).close(ref.payment_id)
        await self._tell_of(ref, closed.returned)
        return closed

    async def _hand_out(self, gateway: Gateway, offered: Payment, actor: str) -> None:
        """The provider took its time, and the order may be over by now."""
        id_ = offered.payment_id
        async with self._database.driver() as driver, driver.transaction():
            hot_path = HotPath(driver)
            if await hot_path.hold_payable(offered.order_id) and await hot_path.offer_payment(
                id_, offered.action, offered.expires_at, actor
            ):
                return
        # Nobody has seen it yet, so nobody pays it. What cannot be closed now, a round closes.
        with suppress(GatewayError):
            await gateway.close(id_)
        raise await self._not_payable(offered.order_id)

    async def _not_payable(self, order_id: str) -> ApplicationError:
        async with self._database.transaction() as connection:
            order = await Orders(connection).get(order_id)
        if order is None:
            return refusal(ErrorCode.INVALID_STATE, "there is no such order")
        detail = f"the order is {order.status}, and takes no payment any more"
        return refusal(ErrorCode.INVALID_STATE, detail, order_status=order.status)

    def _heard(self, ref: PaymentRef) -> AbstractAsyncContextManager[None]:
        # Our own points need no interpreter.
        if ref.method is PaymentMethod.POINTS:
            return nullcontext()
        return calling_a_person(self._database, ref.order_id, ref.payment_id)

    async def _tell_of(self, ref: PaymentRef, returned: Receipt | None) -> None:
        if returned is not None:
            async with self._database.transaction() as connection:
                await tell_of_returned_money(connection, ref.order_id, returned)

    def _gateway(self, method: PaymentMethod) -> Gateway:
        gateway = self._gateways.get(method)
        if gateway is None:
            raise refusal(ErrorCode.INVALID, f"{method} is not set up here")
        return gateway


async def _offer(gateway: Gateway, offer: OfferPayment) -> RedirectAction | QrAction | None:
    with _refusals():
        return await gateway.create(offer.payment.charge_for(offer.subject))


@contextmanager
def _refusals() -> Iterator[None]:
    """A provider's no as the workflow hears it."""
    try:
        yield
    except NotEnoughPoints as error:
        raise refusal(
            ErrorCode.INSUFFICIENT_POINTS,
            str(error),
            balance=error.balance,
            needed=error.needed,
        ) from error
    except TryLater as error:
        # Not a refusal: this one is retried, as the provider may have heard us all the same.
        raise ApplicationError(str(error), type=ErrorCode.UNAVAILABLE) from error
    except GatewayError as error:
        raise refusal(ErrorCode.UNAVAILABLE, str(error)) from error
