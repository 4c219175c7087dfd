"""When one person is not enough."""

import pytest

from domain.approval import Amounts, ApprovalKind, NewCommand


@pytest.mark.parametrize(
    ("amounts", "before", "needed"),
    [
        (Amounts(), (10**9, 10**9), False),
        (Amounts(of_subject=100), (0, 10**9), False),
        (Amounts(of_subject=100), (1, 0), True),
        (Amounts(of_subject=99), (0, 0), True),
        (Amounts(of_day=300), (10**9, 200), False),
        (Amounts(of_day=300), (0, 201), True),
        (Amounts(of_subject=0), (0, 0), True),
    ],
)
def test_what_went_before_counts(amounts: Amounts, before: tuple[int, int], needed: bool) -> None:
    of_subject, of_day = before

    asked = amounts.ask_for_a_second_person(100, of_subject=of_subject, of_day=of_day)

    assert asked is needed


def test_a_command_is_known_by_what_it_does_and_not_by_why() -> None:
    def command(reason: str, amount: int | None) -> NewCommand:
        return NewCommand(
            kind=ApprovalKind.REFUND,
            subject="O1",
            amount=7,
            command={"amount": amount, "by_hand": False},
            asked_by="operator:olga",
            reason=reason,
        )

    assert command("a scratch", 7).digest == command("a dent", 7).digest
    assert command("a scratch", 7).digest != command("a scratch", None).digest
