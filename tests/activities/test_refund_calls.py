"""Calls for refunds of one payment keep the distance its provider wants."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.refund_calls import AskRefund, RefundCallActivities
from domain.payment import PaymentMethod
from domain.refund import Refund, RefundReason, RefundState
from domain.states import RefundStatus
from infra.gateways.protocol import Gateway
from infra.postgres.engine import Database
from infra.postgres.refunds import Refunds
from tests.support.gateway_double import GatewayDouble

MINUTE = timedelta(minutes=1)


async def _two_parts(
    database: Database, method: PaymentMethod = PaymentMethod.WECHATPAY
) -> list[AskRefund]:
    parts = [
        Refund(
            refund_id=f"RWT1-{part}",
            order_id="O" * 26,
            payment_id="P1",
            method=method,
            trade_no="T1",
            amount=100,
            currency="CNY",
            reason=RefundReason.PARTIAL,
            note="",
            status=RefundStatus.REQUESTED,
            requested_by="operator:olga",
            requested_at=datetime.now(UTC),
        )
        for part in (1, 2)
    ]
    async with database.transaction() as connection:
        for refund in parts:
            await Refunds(connection).request(refund)
    return [AskRefund(order_id=one.order_id, refund=one, paid_amount=8800) for one in parts]


def _activities(
    database: Database, gateways: Mapping[PaymentMethod, Gateway], spacing: timedelta = MINUTE
) -> RefundCallActivities:
    return RefundCallActivities(database, gateways, spacing)


async def test_the_second_refund_of_a_payment_waits_its_turn(database: Database) -> None:
    gateway = GatewayDouble(PaymentMethod.WECHATPAY)
    activities = _activities(database, {PaymentMethod.WECHATPAY: gateway})
    first, second = await _two_parts(database)
    answer = await ActivityEnvironment().run(activities.ask_refund, first)
    assert answer.state is RefundState.DONE

    with pytest.raises(ApplicationError) as wait:
        await ActivityEnvironment().run(activities.ask_refund, second)
    # Nor is the first one repeated, as if its answer were lost, before it was the second's turn.
    with pytest.raises(ApplicationError):
        await ActivityEnvironment().run(activities.ask_refund, first)

    assert wait.value.next_retry_delay is not None
    assert timedelta() < wait.value.next_retry_delay <= MINUTE
    assert not wait.value.non_retryable
    assert gateway.refunds_asked == ["RWT1-1"]


async def test_without_a_distance_to_keep_both_go_at_once(database: Database) -> None:
    gateway = GatewayDouble(PaymentMethod.WECHATPAY)
    activities = _activities(database, {PaymentMethod.WECHATPAY: gateway}, timedelta())
    for command in await _two_parts(database):
        await ActivityEnvironment().run(activities.ask_refund, command)

    assert gateway.refunds_asked == ["RWT1-1", "RWT1-2"]


async def test_a_provider_without_such_a_limit_is_not_kept_waiting(database: Database) -> None:
    gateway = GatewayDouble(PaymentMethod.ALIPAY)
    activities = _activities(database, {PaymentMethod.ALIPAY: gateway})
    for command in await _two_parts(database, PaymentMethod.ALIPAY):
        answer = await ActivityEnvironment().run(activities.ask_refund, command)
        assert answer.state is RefundState.DONE


async def test_a_provider_that_is_not_set_up_is_left_to_a_person(database: Database) -> None:
    command, _ = await _two_parts(database)

    answer = await ActivityEnvironment().run(_activities(database, {}).ask_refund, command)

    assert answer.state is RefundState.FAILED
    assert "not set up" in answer.detail


async def test_a_provider_that_is_away_raises_what_is_tried_again(database: Database) -> None:
    gateway = GatewayDouble(PaymentMethod.WECHATPAY)
    gateway.away = True
    command, _ = await _two_parts(database)

    with pytest.raises(ApplicationError) as error:
        await ActivityEnvironment().run(
            _activities(database, {PaymentMethod.WECHATPAY: gateway}).ask_refund, command
        )

    assert not error.value.non_retryable


async def test_a_provider_that_is_away_says_nothing_of_a_refund(database: Database) -> None:
    gateway = GatewayDouble(PaymentMethod.WECHATPAY)
    gateway.away = True
    command, _ = await _two_parts(database)

    answer = await ActivityEnvironment().run(
        _activities(database, {PaymentMethod.WECHATPAY: gateway}).query_refund, command
    )

    assert answer.state is RefundState.PROCESSING
