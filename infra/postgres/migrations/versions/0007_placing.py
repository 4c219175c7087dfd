"""What lets an order be placed, or refused, in one statement."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# VOLATILE makes it look at the table when it is called, not when its statement began: by then
# that has waited for the item's row, and sees what the one before it there has written.
_UNITS_OF_BUYER = """
CREATE FUNCTION units_of_buyer(sale text, sku text, buyer text, counting text[]) RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN (
        SELECT sum(quantity) FROM orders
        WHERE sale_id = sale AND sku_id = sku AND user_id = buyer AND status = ANY(counting)
    );
END
$$
"""

_REFUSE_PLACING = """
CREATE FUNCTION refuse_placing(reason text) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'SK001', MESSAGE = reason;
END
$$
"""


def upgrade() -> None:
    op.execute(_UNITS_OF_BUYER)
    op.execute(_REFUSE_PLACING)


def downgrade() -> None:
    op.execute("DROP FUNCTION refuse_placing(text)")
    op.execute("DROP FUNCTION units_of_buyer(text, text, text, text[])")
