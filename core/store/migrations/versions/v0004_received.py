"""Objects received from elsewhere."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "received_objects",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("association", sa.String(32), nullable=False),
        sa.Column("study_uid", sa.String(64), nullable=False),
        sa.Column("series_uid", sa.String(64), nullable=False),
        sa.Column("instance_uid", sa.String(64), nullable=False),
        sa.Column("class_uid", sa.String(64), nullable=False),
        sa.Column("transfer_syntax", sa.String(64), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("received_wall_s", sa.Double(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("is_conflict", sa.Boolean(), nullable=False),
        sa.Column("handed_on_wall_s", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_received_objects"),
        sa.UniqueConstraint("instance_uid", "sha256", name="uq_received_objects_instance_uid_sha256"),
    )
    op.create_index("ix_received_objects_sha256", "received_objects", ["sha256"])
    op.create_index("ix_received_objects_study_uid_id", "received_objects", ["study_uid", "id"])


def downgrade() -> None:
    """Remove it, and all that it holds."""
    op.drop_table("received_objects")
