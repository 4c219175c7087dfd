"""What operators are sent: that something waits for them."""

from datetime import datetime

from domain.attention import AttentionKind
from domain.model import Value


class OperatorMessage(Value):
    """An attention as it is sent: `number` 1 when it is raised, 2 when nobody saw to it for
    long. Enough to know whether to get up."""

    attention_id: int
    number: int
    kind: AttentionKind
    subject: str
    order_id: str | None
    step: str | None
    tries: int
    what: str
    advice: str
    raised_at: datetime

    @property
    def message_id(self) -> str:
        # The same on every try: whoever receives it takes each once.
        return f"attention-{self.attention_id}-{self.number}"
