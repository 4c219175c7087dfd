"""What the product and each of its peers can be asked to do, so that all are measured alike."""

from collections.abc import Mapping
from typing import Protocol

from domain.model import Value

# Notices under way at once.
AT_ONCE = 64
PRODUCT = "product"


class Progress(Value):
    """How many orders of the sale wait for their payment or are beyond that, and how many are
    paid."""

    placed: int
    paid: int


class Ended(Value):
    """What a sale left in the books when all its orders were paid: rows of each kind, units still
    `held` and `sold`, and how many reservations Redis still holds."""

    payments: int
    points: int
    messages: int
    held: int
    sold: int
    reservations_held: int


class Contender(Protocol):
    """One sale at a time: `open_sale`, all buyers `click`, all money is told. `times`: of how many
    times as many orders it needs, to be measured as long as the others are."""

    @property
    def name(self) -> str: ...

    @property
    def times(self) -> int: ...

    def pids(self) -> Mapping[str, int]:
        """The servers whose CPU is its price."""

    def load_pids(self) -> tuple[int, ...]:
        """Processes that belong to the load."""

    async def open_sale(self, orders: int) -> None:
        """A new item, on sale now, with stock for so many orders of one unit each."""

    async def click(self) -> None:
        """All buyers at once. Returns when each is accepted; orders are placed from then on."""

    async def begin(self) -> None:
        """All buyers are shown where to pay. A peer has no such step."""

    async def tell_paid(self, told: set[str]) -> None:
        """Tell of the money of each order that is not in `told`, and add those whose notice was
        taken. Raises ConnectionError when nobody takes them any more."""

    async def progress(self) -> Progress: ...

    async def settle_down(self) -> None:
        """Return when nothing of the sale is left to do, or after a while."""

    async def ended_as(self) -> Ended: ...

    async def kill_worker(self) -> None:
        """kill -9."""

    async def start_worker(self) -> None:
        """Return when it is ready to work."""
