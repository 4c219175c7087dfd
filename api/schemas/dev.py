"""Practice logins."""

from pydantic import Field

from api.schemas.model import Body, Name, UserId, View


class DevTokenBody(Body):
    user_id: UserId
    roles: list[Name] = Field(default=[], max_length=10)


class DevTokenView(View):
    token: str
