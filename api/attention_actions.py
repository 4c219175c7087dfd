"""The buttons of an attention: for each kind, the calls that do something about it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from domain.attention import Attention, AttentionKind

OPERATOR: Final = "/v1/operator"


@dataclass(frozen=True)
class Action:
    """`body`: members the call needs besides a reason."""

    name: str
    path: str
    needs_reason: bool = True
    body: Mapping[str, str] | None = None
    method: str = "POST"


def actions_of(attention: Attention) -> list[Action]:
    """The most likely one first. None once it is resolved, which is final."""
    if attention.resolved_at is not None:
        return []
    of_kind = _OF_KIND.get(attention.kind, _resolve_alone)
    return of_kind(attention)


def _resolve(attention: Attention) -> Action:
    return Action("resolve", f"{OPERATOR}/attention/{attention.attention_id}/resolve")


def _resolve_alone(attention: Attention) -> list[Action]:
    return [_resolve(attention)]


def _of_stores(attention: Attention) -> list[Action]:
    return [Action("audit", f"{OPERATOR}/audits", needs_reason=False), _resolve(attention)]


def _of_dead_intent(attention: Attention) -> list[Action]:
    retry = Action("retry", f"{OPERATOR}/attention/{attention.attention_id}/retry")
    return [retry, _resolve(attention)]


def _of_lost_order(attention: Attention) -> list[Action]:
    # It waits to be paid once a repair has placed it again.
    return [*_recheck(attention), *_cancel(attention), _resolve(attention)]


def _of_notice(attention: Attention) -> list[Action]:
    replay = f"{OPERATOR}/notices/{attention.subject}/replay"
    return [Action("replay", replay, needs_reason=False), _resolve(attention)]


def _of_money(attention: Attention) -> list[Action]:
    return [*_recheck(attention), _resolve(attention)]


def _of_delivery(attention: Attention) -> list[Action]:
    # Its workflow waits for one of the two: nothing else closes it.
    order_id, _, kind = attention.subject.partition(":")
    delivery = f"{OPERATOR}/orders/{order_id}/deliveries/{kind}"
    return [Action("retry", f"{delivery}/retry"), Action("skip", f"{delivery}/skip")]


def _of_refund(attention: Attention) -> list[Action]:
    refund = f"{OPERATOR}/refunds/{attention.subject}"
    by_hand = Action("resolve", f"{refund}/resolve")
    return [Action("retry", f"{refund}/retry", needs_reason=False), by_hand]


def _of_bill(attention: Attention) -> list[Action]:
    method, _, rest = attention.subject.partition(":")
    of_day = {"day": rest.partition(":")[0], "method": method}
    compare = Action("compare again", f"{OPERATOR}/bills", needs_reason=False, body=of_day)
    return [compare, _resolve(attention)]


def _recheck(attention: Attention) -> list[Action]:
    if attention.order_id is None:
        return []
    path = f"{OPERATOR}/orders/{attention.order_id}/recheck"
    return [Action("recheck", path, needs_reason=False)]


def _cancel(attention: Attention) -> list[Action]:
    if attention.order_id is None:
        return []
    return [Action("cancel", f"{OPERATOR}/orders/{attention.order_id}/cancel")]


_OF_KIND: Mapping[AttentionKind, Callable[[Attention], list[Action]]] = {
    AttentionKind.STOCK_DRIFT: _of_stores,
    AttentionKind.DEAD_INTENT: _of_dead_intent,
    AttentionKind.LOST_ORDER: _of_lost_order,
    AttentionKind.UNMATCHED_NOTICE: _of_notice,
    AttentionKind.SURPLUS_MONEY: _of_money,
    AttentionKind.DELIVERY_FAILED: _of_delivery,
    AttentionKind.REFUND_FAILED: _of_refund,
    AttentionKind.BILL_MISMATCH: _of_bill,
    AttentionKind.STEP_STUCK: _of_money,
    AttentionKind.STORE_LOST: _of_stores,
    AttentionKind.AUDIT_FAILED: _of_stores,
    AttentionKind.NOT_HEALED: _of_stores,
}
