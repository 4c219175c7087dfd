"""Payment providers, as the order saga sees them: each activity is one call."""

from collections.abc import Mapping
from datetime import datetime

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.refusals import refusal
from domain.errors import ErrorCode
from domain.gateway_errors import GatewayError, NotEnoughPoints, TryLater
from domain.model import Value
from domain.payment import (
    Charge,
    ClosedTrade,
    Payment,
    PaymentMethod,
    PaymentScene,
    QrAction,
    RedirectAction,
    Trade,
    is_signed_link,
)
from domain.states import PaymentStatus
from infra.gateways.protocol import Gateway
from infra.postgres.engine import Database
from infra.postgres.hot_path import HotPath


class BeginPayment(Value):
    """A payment to be offered to the buyer. `amount` in minor units."""

    payment_id: str
    order_id: str
    method: PaymentMethod
    scene: PaymentScene
    amount: int
    currency: str
    subject: str
    begun_at: datetime
    expires_at: datetime
    actor: str


class PaymentRef(Value):
    payment_id: str
    order_id: str
    method: PaymentMethod


class PaymentActivities:
    def __init__(self, database: Database, gateways: Mapping[PaymentMethod, Gateway]) -> None:
        self._database = database
        self._gateways = gateways

    @activity.defn
    async def begin_payment(self, command: BeginPayment) -> Payment:
        """Write the payment down, then offer it at the provider; a repeat offers the same one.

        Raises `UNAVAILABLE` while the provider does not answer and `INVALID` for a method that
        is not set up.
        """
        gateway = self._gateway(command.method)
        # A signed link binds nobody, so it may come first: one statement then does.
        is_link = is_signed_link(command.method, command.scene)
        signed = await _offer(gateway, command) if is_link else None
        async with self._database.driver() as driver:
            new = _new_payment(command, signed)
            payment = await HotPath(driver).begin_payment(new, command.actor)
        if payment.action is not None:
            return payment
        action = await _offer(gateway, command)
        async with self._database.driver() as driver:
            await HotPath(driver).offer_payment(
                payment.payment_id, action, command.expires_at, command.actor
            )
        return payment.model_copy(update={"action": action})

    @activity.defn
    async def query_payment(self, ref: PaymentRef) -> Trade:
        """Ask the provider what became of a payment."""
        return await self._gateway(ref.method).query(ref.payment_id)

    @activity.defn
    async def close_payment(self, ref: PaymentRef) -> ClosedTrade:
        """Make sure the payment cannot be paid any more, or learn that it has been."""
        return await self._gateway(ref.method).close(ref.payment_id)

    def _gateway(self, method: PaymentMethod) -> Gateway:
        gateway = self._gateways.get(method)
        if gateway is None:
            raise refusal(ErrorCode.INVALID, f"{method} is not set up here")
        return gateway


def _new_payment(command: BeginPayment, action: RedirectAction | QrAction | None) -> Payment:
    return Payment(
        payment_id=command.payment_id,
        order_id=command.order_id,
        method=command.method,
        scene=command.scene,
        status=PaymentStatus.CREATED,
        amount=command.amount,
        currency=command.currency,
        action=action,
        expires_at=command.expires_at,
        created_at=command.begun_at,
    )


async def _offer(gateway: Gateway, command: BeginPayment) -> RedirectAction | QrAction | None:
    charge = Charge(
        payment_id=command.payment_id,
        amount=command.amount,
        currency=command.currency,
        subject=command.subject,
        expires_at=command.expires_at,
        scene=command.scene,
    )
    try:
        return await gateway.create(charge)
    except NotEnoughPoints as error:
        raise refusal(
            ErrorCode.INSUFFICIENT_POINTS,
            str(error),
            balance=error.balance,
            needed=error.needed,
        ) from error
    except TryLater as error:
        raise ApplicationError(str(error), type=ErrorCode.UNAVAILABLE) from error
    except GatewayError as error:
        raise refusal(ErrorCode.UNAVAILABLE, str(error)) from error
