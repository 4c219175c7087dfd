"""Notices that wait say when they are due; what was tried, and when, stands with each row."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

NOTICES = "payment_notices"
UNHANDLED = "ix_payment_notices_unhandled"
REFUSED = "ix_payment_notices_refused"
WAITS = "handled_at IS NULL AND verdict IN ('accepted', 'wrong_amount')"
IS_REFUSED = "verdict IN ('malformed', 'bad_signature', 'stale', 'foreign_app', 'foreign_seller')"

# A person was called for these; until now they were told again every ten seconds all the same.
_LEFT_TO_A_PERSON = """
UPDATE payment_notices SET handled_at = clock_timestamp(), handled_as = 'unmatched'
WHERE handled_at IS NULL AND notice_id IN (
    SELECT subject FROM attentions WHERE kind = 'unmatched_notice'
)
"""
# Nobody ever acts on these, so nothing ever let their bytes go.
_NO_NEWS = """
UPDATE payment_notices SET handled_at = received_at, handled_as = 'no_news'
WHERE handled_at IS NULL AND (verdict = 'not_paid' OR verdict = 'accepted' AND kind = 'other')
"""


def upgrade() -> None:
    op.add_column(NOTICES, sa.Column("tries", sa.Integer(), server_default="0", nullable=False))
    op.add_column(NOTICES, _moment("tried_at", nullable=True))
    op.add_column(NOTICES, _moment("due_at", server_default=sa.text("clock_timestamp()")))
    op.execute(_LEFT_TO_A_PERSON)
    op.execute(_NO_NEWS)
    _index(UNHANDLED, ["due_at"], WAITS, instead=True)
    _index(REFUSED, ["received_at"], IS_REFUSED)
    op.add_column("deliveries", _moment("tried_at", nullable=True))
    op.add_column(
        "bill_checks", sa.Column("tries", sa.Integer(), server_default="1", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("bill_checks", "tries")
    op.drop_column("deliveries", "tried_at")
    op.drop_index(REFUSED, table_name=NOTICES)
    _index(UNHANDLED, ["received_at"], WAITS, instead=True)
    for column in ("due_at", "tried_at", "tries"):
        op.drop_column(NOTICES, column)


def _index(name: str, columns: list[str], where: str, *, instead: bool = False) -> None:
    if instead:
        op.drop_index(name, table_name=NOTICES)
    op.create_index(name, NOTICES, columns, postgresql_where=sa.text(where))


def _moment(
    name: str, *, nullable: bool = False, server_default: sa.TextClause | None = None
) -> sa.Column[object]:
    return sa.Column(
        name, sa.DateTime(timezone=True), nullable=nullable, server_default=server_default
    )
