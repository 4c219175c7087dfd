"""For installations whose logs are watched: what needs a person is a line of them."""

import structlog

from domain.operator_message import OperatorMessage

log = structlog.get_logger()


class LogChannel:
    async def tell(self, message: OperatorMessage) -> None:
        log.error(
            "attention_open",
            attention_id=message.attention_id,
            kind=message.kind,
            order_id=message.order_id,
            number=message.number,
            raised_at=message.raised_at.isoformat(),
        )

    async def aclose(self) -> None:
        """Nothing is open."""
