"""The one base of every value in the domain: immutable, strict about its fields."""

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """A frozen value. Fields are only ever added with a default: old histories must still load."""

    # `ignore`: a worker of the last release reads what this one wrote while both are running.
    model_config = ConfigDict(frozen=True, extra="ignore")
