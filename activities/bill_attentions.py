"""Differences between a bill and our ledger, as the people read them who must settle them."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.attention import AttentionKind
from domain.bill import BillFault, BillMismatch
from domain.payment import PaymentMethod
from domain.refund import Refund
from infra.postgres.attentions import Attentions

RECONCILER: Final = "system:bills"

_WHAT = {
    BillFault.UNKNOWN_PAYMENT: "{billed} arrived for payment {payment_id}, which we do not know",
    BillFault.NOT_SETTLED: "{billed} arrived for payment {payment_id}, and our ledger has nothing",
    BillFault.WRONG_AMOUNT: "{billed} in the bill, {booked} in our ledger",
    BillFault.UNKNOWN_REFUND: "{billed} went back of payment {payment_id}, not on our word",
    BillFault.REFUND_NOT_DONE: "{billed} went back, and our refund is not done",
    BillFault.REFUND_FAILED: "the refund of {billed} failed there, and our ledger has it as done",
    BillFault.UNREADABLE: "this row cannot be read (payment {payment_id}); all others are compared",
    BillFault.NOT_IN_BILL: "{booked} is in our ledger for payment {payment_id}, not in the bill",
    BillFault.NO_BILL: "there was no bill to be had",
    BillFault.OF_OTHERS: "neither their numbers nor their trades are ours",
}
_ADVICE = {
    BillFault.UNKNOWN_PAYMENT: "Find out at the provider what it paid for; give it back there.",
    BillFault.NOT_SETTLED: "Recheck the order; the provider's own console says what it has.",
    BillFault.WRONG_AMOUNT: "Compare with the provider's console and correct by a refund there.",
    BillFault.UNKNOWN_REFUND: "Ask who gave it back at the provider's console, and what for.",
    BillFault.REFUND_NOT_DONE: "Look at the refund's workflow; the money is with the buyer.",
    BillFault.REFUND_FAILED: "Look at the provider's console: it may have been put right since.",
    BillFault.UNREADABLE: "Look it up in the provider's file; recheck its order, if there is one.",
    BillFault.NOT_IN_BILL: "Ask the provider about the payment: the money may never have come.",
    BillFault.NO_BILL: "Ask the provider, then reconcile the day again.",
    BillFault.OF_OTHERS: "Resolve this if another application takes money under the same account;"
    " else find out at the provider what was paid for.",
}


async def raise_mismatches(
    connection: AsyncConnection,
    method: PaymentMethod,
    day: date,
    mismatches: Sequence[BillMismatch],
) -> int:
    """One attention each, once however often the day is compared, and none that a person has
    closed. Answers how many are new."""
    attentions, new = Attentions(connection), 0
    for mismatch in mismatches:
        subject = _subject(method, day, mismatch)
        if await attentions.is_seen_to(AttentionKind.BILL_MISMATCH, subject):
            continue
        new += await attentions.raise_(
            AttentionKind.BILL_MISMATCH,
            subject,
            order_id=mismatch.order_id,
            what=f"{method} bill of {day}, {mismatch.reference}: "
            + _WHAT[mismatch.fault].format_map(mismatch.model_dump()),
            advice=_ADVICE[mismatch.fault],
        )
    return new


async def resolve_settled(
    connection: AsyncConnection,
    method: PaymentMethod,
    day: date,
    mismatches: Sequence[BillMismatch],
) -> None:
    """Whatever an earlier comparison of this day found and this one does not is settled."""
    attentions = Attentions(connection)
    # Subjects are the same on every run of the day, so what is gone from them has been settled.
    standing = {_subject(method, day, mismatch) for mismatch in mismatches}
    raised = await attentions.open_subjects(AttentionKind.BILL_MISMATCH, f"{method}:{day}:")
    for subject in raised - standing:
        await attentions.resolve(
            AttentionKind.BILL_MISMATCH, subject, RECONCILER, "the bill and our ledger agree"
        )


async def resolve_of_refund(connection: AsyncConnection, refund: Refund) -> None:
    """What a bill had as gone and we had as open is settled once it is done here as well."""
    await Attentions(connection).resolve_of_order(
        AttentionKind.BILL_MISMATCH,
        refund.order_id,
        f":{BillFault.REFUND_NOT_DONE}:{refund.refund_id}",
        RECONCILER,
        "the refund is done here as well",
    )


def _subject(method: PaymentMethod, day: date, mismatch: BillMismatch) -> str:
    # However many they are when the day is compared again, they are one matter.
    of = "rows" if mismatch.fault is BillFault.OF_OTHERS else mismatch.reference
    return f"{method}:{day}:{mismatch.fault}:{of}"
