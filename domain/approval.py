"""Approval: a command of one operator that another one has to agree to."""

from enum import StrEnum


class ApprovalKind(StrEnum):
    # The subject of each: the order, the buyer, the sale.
    REFUND = "refund"
    POINTS = "points"
    SALE_CANCEL = "sale_cancel"


class ApprovalStatus(StrEnum):
    """requested -> approved -> done or failed; or requested -> refused. `UNNEEDED`: it was below
    the amounts, and is kept because the amounts of a day are added up."""

    REQUESTED = "requested"
    APPROVED = "approved"
    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"
    UNNEEDED = "unneeded"
