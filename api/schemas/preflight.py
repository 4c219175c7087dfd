"""A preflight, as operators see it."""

from collections.abc import Sequence

from api.preflight.check import Checked
from api.schemas.model import View


class PreflightCheckView(View):
    """`detail`: what was seen, and from where; `advice`: what to do, empty where nothing is."""

    code: str
    ok: bool
    detail: str
    advice: str


class PreflightView(View):
    ok: bool
    checks: list[PreflightCheckView]


def preflight_view(checks: Sequence[Checked]) -> PreflightView:
    lines = [PreflightCheckView.model_validate(check._asdict()) for check in checks]
    return PreflightView(ok=all(line.ok for line in lines), checks=lines)
