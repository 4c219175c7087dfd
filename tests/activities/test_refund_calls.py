"""Calls for refunds of one payment keep the distance its provider wants."""

import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.refund_calls import AskRefund, RefundCallActivities
from domain.payment import PaymentMethod
from domain.refund import Refund, RefundReason, RefundState
from domain.states import RefundStatus
from infra.gateways.breaker import BreakerGateway
from infra.gateways.protocol import Gateway
from infra.gateways.wechatpay.gateway import WechatPayGateway
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database
from infra.postgres.refunds import Refunds
from infra.settings import WechatPaySettings
from tests.support.gateway_double import GatewayDouble
from tests.support.notice_keys import WechatPaySide, new_key, private_pem, public_pem
from tests.support.provider_doubles import WechatPayDouble, wechatpay_error

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


@pytest.mark.parametrize("step", ["ask_refund", "query_refund"])
async def test_a_refund_nobody_can_read_is_told_to_a_person(database: Database, step: str) -> None:
    gateway = GatewayDouble(PaymentMethod.WECHATPAY)
    command, _ = await _two_parts(database)
    gateway.speaks_nonsense_of.add(command.refund.refund_id)
    call = getattr(_activities(database, {PaymentMethod.WECHATPAY: gateway}), step)

    with contextlib.suppress(ApplicationError):
        answer = await ActivityEnvironment().run(call, command)
        assert answer.state is RefundState.PROCESSING

    async with database.transaction() as connection:
        (raised,), _ = await Attentions(connection).open_(None, 10)
    assert raised.subject == f"answer:{command.refund.refund_id}"


def _wechat_pay(tmp_path: Path) -> tuple[WechatPayDouble, WechatPayGateway]:
    side, keys = WechatPaySide(new_key()), tmp_path / "keys"
    keys.mkdir()
    (keys / f"{side.serial}.pem").write_bytes(public_pem(side.key))
    merchant = new_key()
    (tmp_path / "merchant.pem").write_bytes(private_pem(merchant))
    wechatpay = WechatPayDouble(side, merchant.public_key())
    gateway = WechatPayGateway(
        WechatPaySettings(
            gateway_url="https://wechatpay.test/prefix",
            appid=side.appid,
            mchid=side.mchid,
            merchant_serial="5157F0",
            merchant_private_key=tmp_path / "merchant.pem",
            provider_public_keys=keys,
            api_v3_key=side.api_v3_key.decode(),
        ),
        "https://shop.test",
        wechatpay.transport(),
    )
    return wechatpay, gateway


async def test_a_merchant_without_enough_money_is_asked_for_again_under_the_same_number(
    database: Database, tmp_path: Path
) -> None:
    """As WeChat Pay answers it: 403 NOT_ENOUGH, and nothing known of the refund."""
    wechatpay, gateway = _wechat_pay(tmp_path)
    guarded = BreakerGateway(gateway, failures=1)
    activities = _activities(database, {PaymentMethod.WECHATPAY: guarded}, timedelta())
    command, _ = await _two_parts(database)
    refunds = "/v3/refund/domestic/refunds"
    wechatpay.answers = {
        f"POST {refunds}": wechatpay_error("NOT_ENOUGH", 403),
        f"GET {refunds}/{command.refund.refund_id}": wechatpay_error("RESOURCE_NOT_EXISTS", 404),
    }

    refused = await ActivityEnvironment().run(activities.ask_refund, command)
    wechatpay.answers[f"POST {refunds}"] = (
        200,
        {
            "out_refund_no": command.refund.refund_id,
            "out_trade_no": command.refund.payment_id,
            "status": "PROCESSING",
            "amount": {"refund": command.refund.amount},
        },
    )
    again = await ActivityEnvironment().run(activities.ask_refund, command)
    await gateway.aclose()

    assert refused.state is RefundState.FAILED
    assert refused.detail.endswith("NOT_ENOUGH")
    assert again.state is RefundState.PROCESSING
    asked = [said for call, said in wechatpay.asked if call.startswith("POST")]
    assert len(asked) == 2
    assert asked[0] == asked[1]
