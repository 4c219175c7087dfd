from domain.notice import Notice, NoticeKind, RefundReport, Verdict, VerifiedNotice
from domain.payment import PaymentMethod
from tests.support.values import NOON


def test_what_a_gateway_makes_of_a_notice_is_kept_field_by_field() -> None:
    """The inbox is written from the one and read as the other."""
    report = RefundReport(refund_id="RA1", payment_id="P1", amount=5, succeeded=True)
    told = VerifiedNotice(
        provider_notice_id="n1",
        kind=NoticeKind.REFUND,
        verdict=Verdict.ACCEPTED,
        payment_id="P1",
        refund=report,
    )

    kept = Notice.model_validate(
        {
            **told.model_dump(mode="json"),
            "notice_id": "hash",
            "method": PaymentMethod.ALIPAY,
            "order_id": None,
            "received_at": NOON,
            "handled_at": None,
            "handled_as": None,
        }
    )

    assert (kept.kind, kept.verdict, kept.refund) == (NoticeKind.REFUND, Verdict.ACCEPTED, report)
