"""The outbox: messages to buyers, each once, for another system to read."""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.message import Message
from infra.postgres.statements import happened
from infra.postgres.tables import messages


class Messages:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def keep(self, message: Message) -> bool:
        """False if the order's message on this occasion is there already; it stays as it is."""
        statement = insert(messages).values(
            order_id=message.order_id,
            topic=message.occasion,
            user_id=message.user_id,
            body=message.model_dump(mode="json"),
        )
        return await happened(self._connection, statement.on_conflict_do_nothing())

    async def of_order(self, order_id: str) -> list[Message]:
        """Oldest first."""
        query = (
            select(messages.c.body)
            .where(messages.c.order_id == order_id)
            .order_by(messages.c.message_number)
        )
        bodies = (await self._connection.execute(query)).scalars()
        return [Message.model_validate(body) for body in bodies]
