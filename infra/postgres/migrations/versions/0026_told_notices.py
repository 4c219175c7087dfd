"""How often an order's workflow was told is looked up by the order."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

INDEX, NOTICES = "ix_payment_notices_told", "payment_notices"


def upgrade() -> None:
    op.create_index(INDEX, NOTICES, ["order_id"], postgresql_where=sa.text("signals > 0"))


def downgrade() -> None:
    op.drop_index(INDEX, table_name=NOTICES)
