"""What every way to reach operators can do."""

from typing import Protocol

from domain.operator_message import OperatorMessage


class OperatorNotTold(Exception):
    """The message may or may not have arrived; sending it again is harmless."""


class OperatorChannel(Protocol):
    async def tell(self, message: OperatorMessage) -> None:
        """Once in effect by its `message_id`. Raises OperatorNotTold."""

    async def aclose(self) -> None: ...
