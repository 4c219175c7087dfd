"""How this process is, as load balancers see it."""

from typing import Literal

from api.schemas.model import View


class Health(View):
    status: Literal["ok"] = "ok"


class DependencyHealth(View):
    """`needed`: without it this process can accept no order."""

    ok: bool
    needed: bool
    detail: str


class Readiness(View):
    ok: bool
    dependencies: dict[str, DependencyHealth]
