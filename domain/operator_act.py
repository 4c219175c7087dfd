"""What operators do that no other row tells of."""

from enum import StrEnum


class OperatorAct(StrEnum):
    """Each with what its row's subject is. An order's events, a refund, a resolved attention and a
    gift of points name their operator themselves."""

    # The sale.
    SALE_DRAFTED = "sale_drafted"
    SALE_PUBLISHED = "sale_published"
    SALE_CANCELLED = "sale_cancelled"
    CANCELLATION_PAUSED = "cancellation_paused"
    CANCELLATION_RESUMED = "cancellation_resumed"
    BEACON_SET = "beacon_set"
    # The notice.
    NOTICE_REPLAYED = "notice_replayed"
    # The day, and the provider if one was named.
    BILLS_COMPARED = "bills_compared"
    # The order, while it is queued and has no events yet.
    RECHECK_ASKED = "recheck_asked"
    # `whole` or `changed`.
    AUDIT_ASKED = "audit_asked"
