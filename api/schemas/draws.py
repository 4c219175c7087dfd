"""What is promised of a draw, and the beacon that is mixed in."""

from typing import Annotated

from pydantic import Field, StringConstraints

from api.schemas.model import PRINTABLE, Body, Reason, ReasonBody, Text, View, such_as


class PublishBody(ReasonBody):
    model_config = such_as(reason="checked by two of us", beacon_source="drand, round 4000000")

    beacon_source: Text | None = Field(
        default=None,
        description="of a draw: the public random value of a moment after the start which is mixed"
        " in, named so that everybody can look it up; nothing is drawn without it",
    )


# Hashed as it is, so nothing is cut off around it.
class BeaconBody(Body):
    model_config = such_as(value="8f0c2a…", reason="drand, round 4000000")

    value: Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=PRINTABLE)]
    reason: Reason


class PromiseView(View):
    seed_commitment: str
    beacon_source: str | None
    beacon: str | None
