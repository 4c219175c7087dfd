"""What is done ahead of the workflow leaves its marks on an order and on a notice."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

# VOLATILE, as `units_of_buyer`: called once the item's row is locked, it sees what was written
# while the statement waited for that.
_A_BUYER_HAS_MORE = """
CREATE FUNCTION a_buyer_has_more(
    sale text, sku text, buyers text[], counting text[], at_most bigint
) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM orders
        WHERE sale_id = sale AND sku_id = sku AND user_id = ANY(buyers) AND status = ANY(counting)
        GROUP BY user_id HAVING sum(quantity) > at_most
    );
END
$$
"""


def upgrade() -> None:
    # A constant default writes no row anew, however many there are.
    op.execute("ALTER TABLE orders ADD COLUMN ahead boolean NOT NULL DEFAULT false")
    op.execute("ALTER TABLE orders ADD COLUMN closing_at timestamptz")
    op.execute("ALTER TABLE payment_notices ADD COLUMN told_at timestamptz")
    op.execute(_A_BUYER_HAS_MORE)


def downgrade() -> None:
    op.execute("DROP FUNCTION a_buyer_has_more(text, text, text[], text[], bigint)")
    op.execute("ALTER TABLE payment_notices DROP COLUMN told_at")
    op.execute("ALTER TABLE orders DROP COLUMN closing_at")
    op.execute("ALTER TABLE orders DROP COLUMN ahead")
