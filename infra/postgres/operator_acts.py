"""What operators did: one row for each act, written with what it changes."""

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.operator_act import OperatorAct
from infra.postgres.tables.operator_acts import operator_acts


class OperatorActs:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def record(self, act: OperatorAct, subject: str, actor: str, reason: str = "") -> None:
        query = insert(operator_acts).values(act=act, subject=subject, actor=actor, reason=reason)
        await self._connection.execute(query)
