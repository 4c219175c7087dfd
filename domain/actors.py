"""Who did something, as it is written beside what was done: `kind:name`, or the system itself."""

from typing import Final

from domain.payment import PaymentMethod

SYSTEM: Final = "system"


def buyer(user_id: str) -> str:
    return f"buyer:{user_id}"


def operator(user_id: str) -> str:
    return f"operator:{user_id}"


def is_operator(actor: str) -> bool:
    """What an operator writes is for colleagues: buyers see that something was done, not why."""
    return actor.startswith("operator:")


def provider(method: PaymentMethod) -> str:
    return f"provider:{method}"


# Who cancels in Temporal's UI says no name.
IN_TEMPORAL: Final = operator("temporal")
