from domain.actors import IN_TEMPORAL, SYSTEM, buyer, operator, provider
from domain.payment import PaymentMethod


def test_who_did_something_is_told_by_kind_and_name() -> None:
    assert buyer("ada") == "buyer:ada"
    assert operator("olga") == "operator:olga"
    assert [provider(method) for method in PaymentMethod] == [
        "provider:alipay",
        "provider:wechatpay",
        "provider:points",
    ]


def test_a_buyer_cannot_call_himself_an_operator_or_the_system() -> None:
    assert buyer("system") != SYSTEM
    assert buyer("operator:olga") != operator("olga")


def test_what_nobody_signed_in_did_has_a_name_as_well() -> None:
    assert (SYSTEM, IN_TEMPORAL) == ("system", "operator:temporal")
