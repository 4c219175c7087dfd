"""Practice logins."""

from pydantic import Field

from api.schemas.model import Body, Name, UserId, View, such_as


class DevTokenBody(Body):
    model_config = such_as(user_id="ada", roles=["operator"])

    user_id: UserId
    roles: list[Name] = Field(default=[], max_length=10)


class DevTokenView(View):
    token: str
