"""What was put right by itself, as operators see it."""

from pydantic import AwareDatetime

from api.schemas.model import View
from domain.repair import Repair, RepairKind


class RepairView(View):
    """`outcome` is null for a repair that was begun and cut off: the next round looked again."""

    repair_id: str
    at: AwareDatetime
    kind: RepairKind
    sale_id: str
    sku_id: str
    order_id: str | None
    found: str
    should: str
    actor: str
    outcome: str | None


class RepairsPage(View):
    repairs: list[RepairView]
    next_cursor: str | None


def repair_view(repair: Repair) -> RepairView:
    return RepairView.model_validate({**repair.model_dump(), "repair_id": str(repair.repair_id)})
