"""Runs, alerts and their evidence."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

FILTERED = ("run_id", "source", "kind", "way", "domain", "state")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "runs",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("pipeline", sa.String(), nullable=False),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("input", sa.String(), nullable=False),
        sa.Column("configuration", sa.JSON(), nullable=False),
        sa.Column("versions", sa.JSON(), nullable=False),
        sa.Column("checkpoint", sa.String(), nullable=True),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("process_id", sa.BigInteger(), nullable=False),
        sa.Column("process_started_s", sa.Double(), nullable=False),
        sa.Column("started_wall_s", sa.Double(), nullable=False),
        sa.Column("finished_wall_s", sa.Double(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
    )
    op.create_index("ix_runs_started_wall_s", "runs", ["started_wall_s"])
    op.create_table(
        "alerts",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("run_id", sa.String(32), nullable=False),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("way", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("start_s", sa.Double(), nullable=False),
        sa.Column("end_s", sa.Double(), nullable=False),
        sa.Column("wall_start_s", sa.Double(), nullable=True),
        sa.Column("wall_end_s", sa.Double(), nullable=True),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("contributions", sa.JSON(), nullable=False),
        sa.Column("boxes", sa.JSON(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("at_wall_s", sa.Double(), nullable=False),
        sa.Column("created_wall_s", sa.Double(), nullable=False),
        sa.Column("updated_wall_s", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alerts"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_alerts_run_id_runs"),
    )
    op.create_index("ix_alerts_created_wall_s", "alerts", ["created_wall_s"])
    op.create_index("ix_alerts_at_wall_s_id", "alerts", ["at_wall_s", "id"])
    for column in FILTERED:
        op.create_index(f"ix_alerts_{column}_at_wall_s", "alerts", [column, "at_wall_s"])
    op.create_table(
        "evidence",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("alert_id", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("start_s", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_evidence"),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name="fk_evidence_alert_id_alerts", ondelete="CASCADE"),
        sa.UniqueConstraint("alert_id", "kind", "sha256", name="uq_evidence_alert_id_kind_sha256"),
    )
    op.create_index("ix_evidence_sha256", "evidence", ["sha256"])


def downgrade() -> None:
    """Remove them, and all that they hold."""
    op.drop_table("evidence")
    op.drop_table("alerts")
    op.drop_table("runs")
