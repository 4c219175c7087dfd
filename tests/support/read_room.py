"""A room as a feed reads it, without one."""

from dataclasses import dataclass
from datetime import UTC, datetime

from api.schemas.rooms import RoomView
from api.streams.room_feed import SeenRoom
from domain.errors import ErrorCode, Refusal
from domain.room import RoomPhase
from domain.sale import Admission, ItemRef


@dataclass
class ReadRoom:
    """Counts how often it is read; time goes by each time."""

    reads: int = 0
    serving: int = 0
    is_final: bool = False
    is_gone: bool = False

    async def read(self, _item: ItemRef) -> SeenRoom:
        self.reads += 1
        if self.is_gone:
            raise Refusal(ErrorCode.NOT_FOUND)
        return SeenRoom(self._view(), self.is_final)

    def _view(self) -> RoomView:
        return RoomView(
            mode=Admission.QUEUE,
            state=RoomPhase.OVER if self.is_final else RoomPhase.SERVING,
            serving=self.serving,
            drawn=0,
            waiting=0,
            units=1,
            opens_at=datetime.fromtimestamp(0, UTC),
            server_time=datetime.fromtimestamp(self.reads, UTC),
            seed_commitment=None,
            seed=None,
            pool_size=None,
            digest=None,
            beacon=None,
            beacon_source=None,
        )
