"""What every way to reach a buyer can do."""

from typing import Protocol

from domain.buyer_message import Message


class MessageNotSent(Exception):
    """The message may or may not have arrived; sending it again is harmless."""


class MessageSender(Protocol):
    async def send(self, message: Message) -> str:
        """Hand the message on, once in effect by its `message_id` however often it is sent.
        Answers in a few words where it went. Raises MessageNotSent."""

    async def aclose(self) -> None: ...
