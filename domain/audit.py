"""The audit's report: each line proved, or the orders that break it."""

from datetime import datetime

from domain.model import Value


class Check(Value):
    """One line. `orders` names what breaks it; `detail` says what was proved or found."""

    code: str
    ok: bool
    detail: str
    orders: tuple[str, ...] = ()


class AuditReport(Value):
    audit_id: str
    started_at: datetime
    finished_at: datetime
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        return all(check.ok for check in self.checks)
