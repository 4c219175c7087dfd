"""Asking providers to give money back: each activity is one call."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.unreadable_answers import calling_a_person
from domain.actors import is_operator
from domain.gateway_errors import GatewayError, TryLater
from domain.model import Value
from domain.payment import PaymentMethod
from domain.refund import Refund, RefundAnswer, RefundInstruction, RefundState
from domain.states import RefundStatus
from infra.gateways.protocol import Gateway
from infra.postgres.engine import Database
from infra.postgres.orders import Orders
from infra.postgres.payments import Payments
from infra.postgres.refunds import Refunds

# WeChat Pay takes one refund call a minute for one payment; the others set no such limit.
TAKES_TURNS = frozenset({PaymentMethod.WECHATPAY})
TRY_LATER = "TryLater"
NOT_ITS_TURN = "NotItsTurn"
BY_THE_SHOP = "given back by the shop"


class AskRefund(Value):
    """`paid_amount`: what the provider took for the trade, in minor units."""

    order_id: str
    refund: Refund
    paid_amount: int


class RefundCallActivities:
    """`spacing`: the least time between calls for two refunds of one payment, where the provider
    wants it."""

    def __init__(
        self,
        database: Database,
        gateways: Mapping[PaymentMethod, Gateway],
        spacing: timedelta,
    ) -> None:
        self._database = database
        self._gateways = gateways
        self._spacing = spacing

    @activity.defn
    async def ask_refund(self, command: AskRefund) -> RefundAnswer:
        """Ask for the money back, under the same number on every try.

        Raises a retryable error while the provider gives no answer, or while another refund of
        the same payment has its turn.
        """
        gateway = self._gateways.get(command.refund.method)
        # An answer and no error: it would be tried for ever, and a person has to set it up.
        if gateway is None:
            detail = f"{command.refund.method} is not set up here"
            return RefundAnswer(state=RefundState.FAILED, detail=detail)
        await self._wait_for_turn(command.refund)
        instruction = _instruction(command)
        try:
            async with self._heard(command.refund):
                answer = await gateway.refund(instruction)
        except TryLater as error:
            raise ApplicationError(str(error), type=TRY_LATER) from error
        except GatewayError as refused:
            answer = await _is_it_done_already(gateway, instruction, refused)
        if answer.state is RefundState.PROCESSING:
            # Taken on is not done: who looks at the refund meanwhile is told the difference.
            async with self._database.transaction() as connection:
                orders = Orders(connection)
                await orders.hold_still(command.order_id)
                if await Refunds(connection).change_status(
                    command.refund.refund_id, RefundStatus.REQUESTED, RefundStatus.ACCEPTED
                ):
                    await orders.show_change(command.order_id)
        return answer

    @activity.defn
    async def query_refund(self, command: AskRefund) -> RefundAnswer:
        """Ask what became of a refund the provider has accepted. No answer is no news."""
        gateway = self._gateways.get(command.refund.method)
        if gateway is None:
            return RefundAnswer(state=RefundState.PROCESSING)
        try:
            async with self._heard(command.refund):
                return await gateway.query_refund(_instruction(command))
        except GatewayError as error:
            return RefundAnswer(state=RefundState.PROCESSING, detail=str(error))

    def _heard(self, refund: Refund) -> AbstractAsyncContextManager[None]:
        return calling_a_person(self._database, refund.order_id, refund.refund_id)

    async def _wait_for_turn(self, refund: Refund) -> None:
        if refund.method not in TAKES_TURNS:
            return
        async with self._database.transaction() as connection:
            # Or two refunds of one payment would each find that it is their turn.
            await Payments(connection).lock(refund.payment_id)
            wait = await Refunds(connection).take_turn(refund, self._spacing)
        if wait is not None:
            # Temporal waits, and not this worker: a slot is for those whose turn it is.
            raise ApplicationError(
                "another refund of this payment was asked for a moment ago",
                type=NOT_ITS_TURN,
                next_retry_delay=wait,
                category=ApplicationErrorCategory.BENIGN,
            )


async def _is_it_done_already(
    gateway: Gateway, instruction: RefundInstruction, refused: GatewayError
) -> RefundAnswer:
    # A refusal may come because an earlier call, whose answer was lost, has done it.
    try:
        answer = await gateway.query_refund(instruction)
    except TryLater as error:
        raise ApplicationError(str(error), type=TRY_LATER) from error
    except GatewayError:
        answer = RefundAnswer(state=RefundState.NOT_FOUND)
    if answer.state is RefundState.NOT_FOUND:
        return RefundAnswer(state=RefundState.FAILED, detail=str(refused))
    return answer


def _instruction(command: AskRefund) -> RefundInstruction:
    refund = command.refund
    return RefundInstruction(
        refund_id=refund.refund_id,
        payment_id=refund.payment_id,
        trade_no=refund.trade_no,
        amount=refund.amount,
        paid_amount=command.paid_amount,
        currency=refund.currency,
        # The provider shows it to the buyer: an operator's note stays here.
        reason=BY_THE_SHOP if is_operator(refund.requested_by) else refund.note or refund.reason,
    )
