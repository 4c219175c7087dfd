"""Rooms of items as rows, so that Redis may be lost, and the seeds of draws."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

# One commitment per sale for ever, whoever writes in the database by hand.
_REFUSE_ANOTHER_SEED = """
CREATE FUNCTION refuse_another_seed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE'
       AND NEW.sale_id = OLD.sale_id AND NEW.seed = OLD.seed AND NEW.commitment = OLD.commitment
       AND NEW.beacon_source IS NOT DISTINCT FROM OLD.beacon_source
       AND (OLD.beacon IS NULL OR NEW.beacon IS NOT DISTINCT FROM OLD.beacon)
    THEN RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a sale keeps its seed, its commitment and its beacon';
END
$$
"""
_GUARD = """
CREATE TRIGGER one_seed_for_ever BEFORE UPDATE OR DELETE ON draw_seeds
FOR EACH ROW EXECUTE FUNCTION refuse_another_seed()
"""
_NOW = sa.text("clock_timestamp()")


def upgrade() -> None:
    op.create_table(
        "draw_seeds",
        sa.Column("sale_id", sa.String(64), nullable=False),
        sa.Column("seed", sa.LargeBinary(), nullable=False),
        sa.Column("commitment", sa.LargeBinary(), nullable=False),
        sa.Column("beacon_source", sa.Text()),
        sa.Column("beacon", sa.Text()),
        _moment("made_at", nullable=False, server_default=_NOW),
        sa.PrimaryKeyConstraint("sale_id", name=op.f("pk_draw_seeds")),
        sa.ForeignKeyConstraint(["sale_id"], ["sales.sale_id"], name="fk_draw_seeds_sale_id_sales"),
        sa.CheckConstraint(
            "beacon IS NULL OR beacon_source IS NOT NULL", name=op.f("ck_draw_seeds_beacon")
        ),
    )
    op.execute(_REFUSE_ANOTHER_SEED)
    op.execute(_GUARD)
    op.create_table(
        "rooms",
        *_item_columns(),
        sa.Column("next_number", sa.Integer(), server_default="0", nullable=False),
        sa.Column("serving", sa.Integer(), server_default="0", nullable=False),
        sa.Column("void_because", sa.Text()),
        sa.Column("pool_size", sa.Integer()),
        sa.Column("digest", sa.LargeBinary()),
        sa.Column("leaves", sa.LargeBinary()),
        sa.Column("places", sa.LargeBinary()),
        _moment("opened_at", nullable=False, server_default=_NOW),
        _moment("drawn_at"),
        sa.PrimaryKeyConstraint("sale_id", "sku_id", name=op.f("pk_rooms")),
        sa.CheckConstraint("(digest IS NULL) = (pool_size IS NULL)", name=op.f("ck_rooms_drawn")),
    )
    op.create_table("room_tickets", *_item_columns(), *_ticket_columns())
    op.create_index(
        "uq_room_tickets_index", "room_tickets", ["sale_id", "sku_id", "index"], unique=True
    )


def downgrade() -> None:
    op.drop_table("room_tickets")
    op.drop_table("rooms")
    op.drop_table("draw_seeds")
    op.execute("DROP FUNCTION refuse_another_seed()")


def _item_columns() -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(64), nullable=False) for name in ("sale_id", "sku_id")]


def _ticket_columns() -> list[sa.schema.SchemaItem]:
    whole = ("index", "number", "units")
    moments = ("joined_at", "called_at", "fetched_at", "lapsed_at", "used_at", "left_at")
    return [
        sa.Column("user_id", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in whole),
        sa.Column("state", sa.String(20), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("version", "lapses")),
        sa.Column("order_id", sa.String(26)),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("expires_at_ms", "at_ms")),
        *(sa.Column(name, sa.LargeBinary(), nullable=False) for name in ("leaf", "nonce")),
        *map(_moment, moments),
        sa.PrimaryKeyConstraint("sale_id", "sku_id", "user_id", name=op.f("pk_room_tickets")),
    ]


def _moment(
    name: str, *, nullable: bool = True, server_default: sa.TextClause | None = None
) -> sa.Column[object]:
    return sa.Column(
        name, sa.DateTime(timezone=True), nullable=nullable, server_default=server_default
    )
