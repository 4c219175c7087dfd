"""Ledgers of sales that were over long ago have an archive; what is carried forward stands beside
the balance it belongs to."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE archived_attentions (
    attention_id BIGINT NOT NULL,
    kind VARCHAR(30) NOT NULL,
    subject TEXT NOT NULL,
    order_id VARCHAR(26),
    what TEXT NOT NULL,
    advice TEXT NOT NULL,
    raised_at timestamptz NOT NULL,
    resolved_at timestamptz,
    resolved_by TEXT,
    resolution TEXT NOT NULL,
    archived_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_archived_attentions PRIMARY KEY (attention_id)
);
CREATE INDEX ix_archived_attentions_subject ON archived_attentions (subject);
CREATE TABLE archived_bill_lines (
    method VARCHAR(20) NOT NULL,
    kind VARCHAR(20) NOT NULL,
    reference TEXT NOT NULL,
    day DATE NOT NULL,
    payment_id TEXT NOT NULL,
    trade_no TEXT NOT NULL,
    amount BIGINT NOT NULL,
    at timestamptz NOT NULL,
    refund_state VARCHAR(20) NOT NULL,
    archived_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_archived_bill_lines PRIMARY KEY (method, kind, reference)
);
CREATE TABLE archived_orders (
    order_id VARCHAR(26) NOT NULL,
    sale_id VARCHAR(64) NOT NULL,
    sku_id VARCHAR(64) NOT NULL,
    user_id TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    amount BIGINT NOT NULL,
    currency VARCHAR(3) NOT NULL,
    status VARCHAR(20) NOT NULL,
    reason TEXT,
    created_at timestamptz NOT NULL,
    pay_deadline timestamptz,
    closed_at timestamptz,
    ahead BOOLEAN NOT NULL,
    closing_at timestamptz,
    archived_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_archived_orders PRIMARY KEY (order_id)
);
CREATE TABLE archived_payment_flows (
    flow_id BIGINT NOT NULL,
    order_id VARCHAR(26) NOT NULL,
    payment_id VARCHAR(32) NOT NULL,
    method VARCHAR(20) NOT NULL,
    kind VARCHAR(20) NOT NULL,
    reference TEXT NOT NULL,
    amount BIGINT NOT NULL,
    at timestamptz NOT NULL,
    archived_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_archived_payment_flows PRIMARY KEY (flow_id)
);
CREATE INDEX ix_archived_payment_flows_payment_id ON archived_payment_flows (payment_id);
CREATE TABLE archived_payment_notices (
    notice_id VARCHAR(64) NOT NULL,
    notice_number BIGINT NOT NULL,
    method VARCHAR(20) NOT NULL,
    provider_notice_id TEXT NOT NULL,
    kind VARCHAR(20) NOT NULL,
    verdict VARCHAR(20) NOT NULL,
    payment_id TEXT,
    order_id TEXT,
    receipt JSONB,
    refund JSONB,
    body BYTEA NOT NULL,
    headers JSONB NOT NULL,
    deliveries INTEGER NOT NULL,
    received_at timestamptz NOT NULL,
    handled_at timestamptz,
    handled_as TEXT,
    told_at timestamptz,
    tries INTEGER NOT NULL,
    tried_at timestamptz,
    due_at timestamptz NOT NULL,
    signals INTEGER NOT NULL,
    archived_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_archived_payment_notices PRIMARY KEY (notice_id)
);
CREATE TABLE archived_payments (
    payment_id VARCHAR(32) NOT NULL,
    order_id VARCHAR(26) NOT NULL,
    method VARCHAR(20) NOT NULL,
    scene VARCHAR(10) NOT NULL,
    status VARCHAR(20) NOT NULL,
    amount BIGINT NOT NULL,
    currency VARCHAR(3) NOT NULL,
    trade_no TEXT,
    action JSONB,
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    paid_at timestamptz,
    ask_at timestamptz,
    archived_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_archived_payments PRIMARY KEY (payment_id)
);
CREATE INDEX ix_archived_payments_order_id ON archived_payments (order_id);
CREATE TABLE archived_points_entries (
    entry_id BIGINT NOT NULL,
    user_id TEXT NOT NULL,
    order_id VARCHAR(26),
    payment_id VARCHAR(32),
    kind VARCHAR(20) NOT NULL,
    part SMALLINT NOT NULL,
    amount BIGINT NOT NULL,
    balance_after BIGINT NOT NULL,
    note TEXT NOT NULL,
    request_key TEXT,
    at timestamptz NOT NULL,
    archived_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_archived_points_entries PRIMARY KEY (entry_id)
);
CREATE TABLE archived_refunds (
    refund_id VARCHAR(64) NOT NULL,
    refund_number BIGINT NOT NULL,
    order_id VARCHAR(26) NOT NULL,
    payment_id VARCHAR(32) NOT NULL,
    method VARCHAR(20) NOT NULL,
    trade_no TEXT NOT NULL,
    amount BIGINT NOT NULL,
    currency VARCHAR(3) NOT NULL,
    reason VARCHAR(20) NOT NULL,
    note TEXT NOT NULL,
    status VARCHAR(20) NOT NULL,
    requested_by TEXT NOT NULL,
    requested_at timestamptz NOT NULL,
    asked_at timestamptz,
    done_at timestamptz,
    request_key TEXT,
    archived_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_archived_refunds PRIMARY KEY (refund_id)
);
CREATE INDEX ix_archived_refunds_order_id ON archived_refunds (order_id);
CREATE TABLE archived_stock_movements (
    movement_id BIGINT NOT NULL,
    sale_id VARCHAR(64) NOT NULL,
    sku_id VARCHAR(64) NOT NULL,
    order_id VARCHAR(26),
    kind VARCHAR(20) NOT NULL,
    quantity INTEGER NOT NULL,
    at timestamptz NOT NULL,
    request_key TEXT,
    archived_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_archived_stock_movements PRIMARY KEY (movement_id)
);
"""
_NAMES = (
    "archived_attentions",
    "archived_bill_lines",
    "archived_orders",
    "archived_payment_flows",
    "archived_payment_notices",
    "archived_payments",
    "archived_points_entries",
    "archived_refunds",
    "archived_stock_movements",
)


def upgrade() -> None:
    for statement in _TABLES.split(";\n")[:-1]:
        op.execute(statement)
    # Constant defaults: no row is written anew, however many there are.
    op.execute("ALTER TABLE sale_items ADD COLUMN archived integer NOT NULL DEFAULT 0")
    op.create_check_constraint(
        op.f("ck_sale_items_archived"), "sale_items", "archived BETWEEN 0 AND sold"
    )
    op.execute("ALTER TABLE points_accounts ADD COLUMN archived bigint NOT NULL DEFAULT '0'")
    op.execute("ALTER TABLE entitlements DROP CONSTRAINT fk_entitlements_order_id_orders")


def downgrade() -> None:
    op.execute(
        "ALTER TABLE entitlements ADD CONSTRAINT fk_entitlements_order_id_orders"
        " FOREIGN KEY (order_id) REFERENCES orders (order_id)"
    )
    op.execute("ALTER TABLE points_accounts DROP COLUMN archived")
    op.execute("ALTER TABLE sale_items DROP COLUMN archived")
    for name in _NAMES:
        op.drop_table(name)
