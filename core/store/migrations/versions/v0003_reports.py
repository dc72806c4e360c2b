"""Reports with their versions and files, the audit trail, people; and the triggers that let nobody change what was written."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

APPEND_ONLY = {
    "report_versions": "report_id IS NEW.report_id AND number IS NEW.number",
    "report_files": "id IS NEW.id OR (report_id IS NEW.report_id AND kind IS NEW.kind AND sha256 IS NEW.sha256)",
    "audit_entries": "number IS NEW.number",
}
LEGAL_MOVE = (
    "NEW.id = OLD.id AND NEW.domain = OLD.domain AND NEW.subject = OLD.subject AND NEW.created_wall_s = OLD.created_wall_s"
    " AND NEW.version = OLD.version + 1 AND (NEW.state = OLD.state"
    " OR (OLD.state = 'draft' AND NEW.state = 'final') OR (OLD.state = 'final' AND NEW.state = 'amended'))"
)


def upgrade() -> None:
    """Make the tables and their triggers."""
    _make_tables()
    if op.get_bind().dialect.name == "postgresql":
        _guard_postgresql()
    else:
        _guard_sqlite()


def downgrade() -> None:
    """Remove them, and all that they hold."""
    for table in ("people", "report_files", "report_versions", "reports", "audit_entries"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION trivium_keep_row()")
        op.execute("DROP FUNCTION trivium_keep_head()")


def _make_tables() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at_wall_s", sa.Double(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("previous_sha256", sa.String(64), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit_entries"),
    )
    op.create_index("ix_audit_entries_subject_number", "audit_entries", ["subject", "number"])
    op.create_index("ix_audit_entries_who_number", "audit_entries", ["who", "number"])
    op.create_table(
        "reports",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_wall_s", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_reports"),
    )
    op.create_index("ix_reports_created_wall_s_id", "reports", ["created_wall_s", "id"])
    for column in ("domain", "state", "subject"):
        op.create_index(f"ix_reports_{column}_created_wall_s", "reports", [column, "created_wall_s"])
    op.create_table(
        "report_versions",
        sa.Column("report_id", sa.String(32), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at_wall_s", sa.Double(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("previous", sa.Integer(), nullable=True),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("audit_number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("report_id", "number", name="pk_report_versions"),
        sa.ForeignKeyConstraint(["report_id"], ["reports.id"], name="fk_report_versions_report_id_reports"),
        sa.ForeignKeyConstraint(["audit_number"], ["audit_entries.number"], name="fk_report_versions_audit_number_audit_entries"),
        sa.UniqueConstraint("audit_number", name="uq_report_versions_audit_number"),
    )
    op.create_table(
        "report_files",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("report_id", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_report_files"),
        sa.ForeignKeyConstraint(["report_id"], ["reports.id"], name="fk_report_files_report_id_reports"),
        sa.UniqueConstraint("report_id", "kind", "sha256", name="uq_report_files_report_id_kind_sha256"),
    )
    op.create_index("ix_report_files_sha256", "report_files", ["sha256"])
    op.create_table(
        "people",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("display_name", sa.String(), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until_wall_s", sa.Double(), nullable=True),
        sa.Column("created_wall_s", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_people"),
    )


def _guard_sqlite() -> None:
    """`INSERT OR REPLACE` deletes without firing a trigger of deletion, so it is met when it inserts."""
    for table, same in {**APPEND_ONLY, "reports": "id IS NEW.id"}.items():
        refuse = f"BEGIN SELECT RAISE(ABORT, 'the table {table} keeps what was written'); END"
        update = f"WHEN NOT ({LEGAL_MOVE}) " if table == "reports" else ""
        op.execute(f"CREATE TRIGGER {table}_update BEFORE UPDATE ON {table} {update}{refuse}")
        op.execute(f"CREATE TRIGGER {table}_delete BEFORE DELETE ON {table} {refuse}")
        exists = f"SELECT 1 FROM {table} WHERE {same}"  # noqa: S608  names of this file only
        op.execute(f"CREATE TRIGGER {table}_replace BEFORE INSERT ON {table} WHEN EXISTS ({exists}) {refuse}")


def _guard_postgresql() -> None:
    """`ENABLE ALWAYS`: they fire for replication's role too, which skips other triggers."""
    raised = "RAISE EXCEPTION 'the table % keeps what was written', TG_TABLE_NAME"
    op.execute(f"CREATE FUNCTION trivium_keep_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {raised}; END $$")
    op.execute(
        "CREATE FUNCTION trivium_keep_head() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" IF TG_OP = 'DELETE' THEN {raised}; END IF; IF NOT ({LEGAL_MOVE}) THEN {raised}; END IF; RETURN NEW; END $$"
    )
    for table in (*APPEND_ONLY, "reports"):
        function = "trivium_keep_head" if table == "reports" else "trivium_keep_row"
        op.execute(f"CREATE TRIGGER {table}_change BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()")
        op.execute(f"CREATE TRIGGER {table}_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION trivium_keep_row()")
        for event in ("change", "truncate"):
            op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_{event}")
