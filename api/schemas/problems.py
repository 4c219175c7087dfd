"""Everything that is not a success."""

from pydantic import ConfigDict

from api.schemas.model import View


class Problem(View):
    """Every answer that is not a success. Some codes add members of their own."""

    model_config = ConfigDict(frozen=True, extra="allow")

    type: str
    title: str
    status: int
    detail: str
    code: str
