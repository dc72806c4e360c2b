"""SQLAlchemy models, sessions, evidence files, migrations: what is found stays found, and what was signed stays as it was signed."""

from core.store.evidence_check import EvidenceFault
from core.store.json_diff import Change
from core.store.received import Arrival, ReceivedIndex, ReceivedObject, received_index
from core.store.report_values import (
    ROLES,
    AuditCheck,
    AuditEntry,
    AuditFilter,
    Person,
    ReportFile,
    ReportFilter,
    ReportState,
    ReportVersion,
    StoredReport,
    StoredReportFile,
)
from core.store.retention import PurgeReport, RetentionPolicy
from core.store.store import Store, open_store
from core.store.values import AlertFilter, Mute, StoredAlert, StoredEvidence

__all__ = [
    "ROLES",
    "AlertFilter",
    "Arrival",
    "AuditCheck",
    "AuditEntry",
    "AuditFilter",
    "Change",
    "EvidenceFault",
    "Mute",
    "Person",
    "PurgeReport",
    "ReceivedIndex",
    "ReceivedObject",
    "ReportFile",
    "ReportFilter",
    "ReportState",
    "ReportVersion",
    "RetentionPolicy",
    "Store",
    "StoredAlert",
    "StoredEvidence",
    "StoredReport",
    "StoredReportFile",
    "open_store",
    "received_index",
]
