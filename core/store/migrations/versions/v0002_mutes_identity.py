"""Mutes, and the row that says which store this is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "mutes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=True),
        sa.Column("kind", sa.String(), nullable=True),
        sa.Column("until_wall_s", sa.Double(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("created_wall_s", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_mutes"),
    )
    op.create_index("ix_mutes_until_wall_s", "mutes", ["until_wall_s"])
    op.create_table(
        "identity",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("store_id", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_identity"),
    )


def downgrade() -> None:
    """Remove them, and all that they hold."""
    op.drop_table("identity")
    op.drop_table("mutes")
