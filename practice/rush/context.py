"""What every part of a rush works with."""

from dataclasses import dataclass, field

from practice.rush.notes import Notes
from practice.rush.provider import ProviderClient
from practice.rush.retries import Retries
from practice.rush.shop import ShopClient
from practice.rush.streams import Streams


@dataclass(frozen=True)
class RushContext:
    """`tokens`: by user id, of the buyers who have logged in."""

    shop: ShopClient
    provider: ProviderClient
    notes: Notes
    retries: Retries
    streams: Streams
    tokens: dict[str, str] = field(default_factory=dict)
