from domain.errors import ErrorCode, InvalidField, Refusal


def test_a_refusal_says_its_code_where_it_has_no_words() -> None:
    assert str(Refusal(ErrorCode.SOLD_OUT)) == "SOLD_OUT"
    assert str(Refusal(ErrorCode.SOLD_OUT, "the last one went")) == "the last one went"


def test_a_refusal_carries_what_the_contract_adds_for_its_code() -> None:
    refusal = Refusal(ErrorCode.INVALID_STATE, "too late", order_status="paid")

    assert refusal.extra == {"order_status": "paid"}


def test_a_wrong_field_is_named_without_saying_where_it_stood() -> None:
    refusal = InvalidField("amount", "8800 is left of this payment")

    assert (refusal.code, refusal.field) == (ErrorCode.INVALID, "amount")
    assert refusal.detail == "8800 is left of this payment"
    assert refusal.extra == {}
