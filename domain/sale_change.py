"""What of a sale may be changed, and when; and what of a change takes something away."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from domain.errors import ErrorCode, InvalidField, Refusal
from domain.model import Value
from domain.money import MAX_PAYMENT
from domain.sale import Admission, Item, Sale
from domain.states import AT_THE_GATE, SaleStatus

PRICES = ("list_price", "price", "points_price")


class SaleChange(Value):
    """Columns with what they become: the sale's, and by SKU its items'."""

    sale: Mapping[str, Any]
    items: Mapping[str, Mapping[str, Any]]


class Changed(Value):
    """`member`: as in `items.<sku_id>.title`."""

    member: str
    before: Any
    after: Any


def changed_sale(sale: Sale, change: SaleChange, now: datetime) -> Sale:
    """The sale's next version. Raises Refusal: INVALID_STATE for what cannot be changed any more,
    INVALID for what makes no sense, NOT_FOUND for an item it has not."""
    seen = sale.status_at(now)
    if sale.status is not SaleStatus.DRAFT and sale.status not in AT_THE_GATE:
        raise Refusal(ErrorCode.INVALID_STATE, f"the sale is {seen}", sale_status=seen)
    for sku_id in change.items:
        if sale.item(sku_id) is None:
            raise Refusal(ErrorCode.NOT_FOUND, f"no item {sku_id} in this sale")
    items = tuple(
        item.model_copy(update=dict(change.items.get(item.sku_id, {}))) for item in sale.items
    )
    said = dict(change.sale)
    is_shown = sale.status is not SaleStatus.DRAFT
    if "starts_at" in said and is_shown and _may_have_tickets(sale, now):
        # A room that is open stays so, however late the start.
        said["room_opens_at"] = sale.opens_its_rooms_at
    after = sale.model_copy(update={**said, "items": items, "version": sale.version + 1})
    _require_sense(after)
    if is_shown:
        _require_same_prices(sale, after)
        _require_window(sale, after, now)
    return after


def narrowed(before: Sale, after: Sale) -> Sale | None:
    """The next version with only what it takes away; None where it takes nothing away."""
    items = tuple(
        old.model_copy(update={"per_user_limit": min(old.per_user_limit, new.per_user_limit)})
        for old, new in zip(before.items, after.items, strict=True)
    )
    paces = [pace for pace in (before.pace_per_minute, after.pace_per_minute) if pace]
    narrow = before.model_copy(
        update={
            "starts_at": max(before.starts_at, after.starts_at),
            "room_opens_at": after.room_opens_at,
            "ends_at": min(before.ends_at, after.ends_at),
            "pace_per_minute": min(paces, default=None),
            "items": items,
        }
    )
    is_same = narrow.model_copy(update={"room_opens_at": before.room_opens_at}) == before
    return None if is_same else narrow.model_copy(update={"version": after.version})


def lowered_limits(before: Sale, after: Sale) -> list[Item]:
    """Items of which a buyer may have less than before."""
    pairs = zip(before.items, after.items, strict=True)
    return [new for old, new in pairs if new.per_user_limit < old.per_user_limit]


def what_changed(before: Sale, after: Sale) -> list[Changed]:
    pairs = [("", before, after)] + [
        (f"items.{old.sku_id}.", old, new)
        for old, new in zip(before.items, after.items, strict=True)
    ]
    return [
        Changed(member=prefix + name, before=getattr(old, name), after=value)
        for prefix, old, new in pairs
        for name, value in new_values(old, new).items()
    ]


# Not what was said, but what comes of it.
_APART = {"items", "version"}


def new_values(before: Value, after: Value) -> dict[str, Any]:
    """Columns of a sale or an item that are others now."""
    was, is_now = before.model_dump(exclude=_APART), after.model_dump(exclude=_APART)
    return {name: value for name, value in is_now.items() if was[name] != value}


def _require_sense(sale: Sale) -> None:
    if sale.starts_at >= sale.ends_at:
        raise InvalidField("ends_at", "starts_at must be before ends_at")
    if sale.room_opens_at and sale.room_opens_at > sale.starts_at:
        raise InvalidField("starts_at", "a room opens before the start")
    for item in sale.items:
        if max(item.price, item.points_price or 0) * item.per_user_limit > MAX_PAYMENT:
            raise InvalidField("items", f"an order of {item.sku_id} does not fit in one payment")


def _require_same_prices(sale: Sale, after: Sale) -> None:
    for old, new in zip(sale.items, after.items, strict=True):
        if any(getattr(old, price) != getattr(new, price) for price in PRICES):
            detail = f"{old.sku_id} was published at its price"
            raise Refusal(ErrorCode.INVALID_STATE, detail, sale_status=sale.status)


def _require_window(sale: Sale, after: Sale, now: datetime) -> None:
    if (sale.starts_at, sale.ends_at) == (after.starts_at, after.ends_at):
        return
    seen = sale.status_at(now)
    why = None
    if seen is SaleStatus.CLOSED:
        why = "the sale is over, and its window with it"
    elif after.ends_at <= now:
        why = "the end would be past: close the sale instead"
    elif after.starts_at != sale.starts_at and now >= sale.starts_at:
        why = "the sale has started"
    elif after.starts_at < sale.starts_at and _may_have_tickets(sale, now):
        # Who came in time for the start that was said would come too late.
        why = "its rooms are open: it cannot start earlier"
    if why:
        raise Refusal(ErrorCode.INVALID_STATE, why, sale_status=seen)


def _may_have_tickets(sale: Sale, now: datetime) -> bool:
    return sale.admission is not Admission.OPEN and now >= sale.opens_its_rooms_at
