"""How far a long bill has been gone through, so that a next try goes on instead of beginning anew:
a head that takes all the time of each try would keep the rest from ever being looked at."""

from typing import Any, Self

from pydantic import BaseModel
from temporalio import activity

from domain.bill import ComparedLine


class BillProgress(BaseModel):
    """`last`: the line that was done last. `missed`: payments in the bill that our ledger has not.
    `told`: those whose orders have heard of it now. `unanswered`: those that could not be told
    right now."""

    last: ComparedLine | None = None
    missed: int = 0
    told: int = 0
    unanswered: int = 0

    @classmethod
    def of_the_last_try(cls) -> Self:
        """As the last try of this activity reported it; none on the first."""
        details = activity.info().heartbeat_details
        return cls.model_validate(details[0]) if details else cls()

    def as_details(self) -> Any:
        return self.model_dump(mode="json")
