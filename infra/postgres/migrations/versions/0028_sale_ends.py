"""How sales end: cancellations, and reports in versions."""

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE sale_cancellations (
    sale_id VARCHAR(64) NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    asked_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    begun_at timestamptz,
    paused_at timestamptz,
    done_at timestamptz,
    CONSTRAINT pk_sale_cancellations PRIMARY KEY (sale_id),
    CONSTRAINT fk_sale_cancellations_sale_id_sales FOREIGN KEY (sale_id) REFERENCES sales (sale_id)
);
CREATE TABLE sale_reports (
    sale_id VARCHAR(64) NOT NULL,
    version INTEGER NOT NULL,
    made_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    status VARCHAR(20) NOT NULL,
    figures JSONB NOT NULL,
    still_open JSONB NOT NULL,
    verdict JSONB,
    CONSTRAINT pk_sale_reports PRIMARY KEY (sale_id, version),
    CONSTRAINT ck_sale_reports_version CHECK (version > 0),
    CONSTRAINT fk_sale_reports_sale_id_sales FOREIGN KEY (sale_id) REFERENCES sales (sale_id)
);
CREATE INDEX ix_archived_orders_sale_id ON archived_orders (sale_id);
"""


def upgrade() -> None:
    for statement in _TABLES.split(";"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    op.execute("DROP INDEX ix_archived_orders_sale_id")
    op.execute("DROP TABLE sale_reports")
    op.execute("DROP TABLE sale_cancellations")
