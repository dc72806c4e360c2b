"""SQLAlchemy models, sessions, evidence files, migrations: what is found stays found."""

from core.store.evidence_check import EvidenceFault
from core.store.retention import PurgeReport, RetentionPolicy
from core.store.store import Store, open_store
from core.store.values import AlertFilter, Mute, StoredAlert, StoredEvidence

__all__ = [
    "AlertFilter",
    "EvidenceFault",
    "Mute",
    "PurgeReport",
    "RetentionPolicy",
    "Store",
    "StoredAlert",
    "StoredEvidence",
    "open_store",
]
