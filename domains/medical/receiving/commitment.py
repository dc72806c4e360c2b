"""Storage commitment (PS3.4 annex J): promise to keep objects, and report which of those asked for are here.

What the index has is on the disk already, so the answer is known at once; it is reported after the request was answered, in a new
association to the configured peer, else in the one that asked.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Mapping
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import AE, build_role, evt
from pynetdicom.dimse_messages import N_ACTION_RSP
from pynetdicom.sop_class import StorageCommitmentPushModel  # type: ignore[attr-defined]

from core.errors import StoreError
from core.store.received import ReceivedIndex
from domains.medical.receiving.identity import is_uid
from domains.medical.receiving.settings import Peer

INSTANCE = "1.2.840.10008.1.20.1.1"  # the well-known instance of the class
ASKED = 1  # action type
ALL_KEPT, SOME_FAILED = 1, 2  # event types
SUCCESS, FAILED, NO_SUCH_ACTION, INVALID = 0x0000, 0x0110, 0x0123, 0x0115  # PS3.7 C
NOT_HERE = 0x0112
MOST_ASKED = 20_000
log = logging.getLogger(__name__)


class Commitment:
    """Answers requests for storage commitment."""

    def __init__(self, index: ReceivedIndex, peers: Mapping[str, Peer], ae_title: str, timeout_s: float) -> None:
        self._index, self._peers, self._title, self._timeout_s = index, peers, ae_title, timeout_s
        self._due: dict[str, Dataset] = {}

    def handlers(self) -> list[tuple[Any, Any]]:
        """To bind to the server."""
        return [(evt.EVT_N_ACTION, self._asked), (evt.EVT_DIMSE_SENT, self._answered)]

    def _asked(self, event: Any) -> tuple[int, None]:
        if event.action_type != ASKED:
            return NO_SUCH_ACTION, None
        try:
            request = event.action_information
            asked = [(str(item.ReferencedSOPClassUID), str(item.ReferencedSOPInstanceUID)) for item in request.ReferencedSOPSequence]
            transaction = str(request.TransactionUID)
        except Exception:  # pydicom raises what the damage leads it to
            return INVALID, None
        if not asked or len(asked) > MOST_ASKED or not all(is_uid(uid) for uid in (transaction, *(u for pair in asked for u in pair))):
            return INVALID, None
        try:
            kept = self._index.kept(asked)
        except StoreError as error:
            log.warning("a storage commitment cannot be answered: %s", error)
            return FAILED, None
        self._due[event.assoc.id] = _report(transaction, asked, kept)
        return SUCCESS, None

    def _answered(self, event: Any) -> None:
        """The answer to a request has been sent: the report may follow."""
        if isinstance(event.message, N_ACTION_RSP) and (report := self._due.pop(event.assoc.id, None)) is not None:
            threading.Thread(target=self._tell, args=(event.assoc, report), name="storage commitment", daemon=True).start()

    def _tell(self, association: Any, report: Dataset) -> None:
        event_type = SOME_FAILED if "FailedSOPSequence" in report else ALL_KEPT
        peer = self._peers.get(association.requestor.ae_title)
        try:
            if peer is None:
                association.send_n_event_report(report, event_type, StorageCommitmentPushModel, INSTANCE)
            else:
                self._tell_peer(peer, association.requestor.ae_title, report, event_type)
        except (RuntimeError, ValueError, OSError):
            log.warning("a storage commitment could not be reported: its association has ended; name the sender in peers")

    def _tell_peer(self, peer: Peer, title: str, report: Dataset, event_type: int) -> None:
        entity = AE(ae_title=self._title)
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = entity.connection_timeout = self._timeout_s
        entity.add_requested_context(StorageCommitmentPushModel)
        to_peer = entity.associate(
            peer.host,
            peer.port,
            ae_title=title,
            ext_neg=[build_role(StorageCommitmentPushModel, scp_role=True)],
            evt_handlers=[(evt.EVT_CONN_OPEN, _without_delay)],
        )
        if not to_peer.is_established:
            log.warning("a storage commitment could not be reported: its peer takes no association; check peers")
            return
        try:
            to_peer.send_n_event_report(report, event_type, StorageCommitmentPushModel, INSTANCE)
        finally:
            to_peer.release()


def _report(transaction: str, asked: list[tuple[str, str]], kept: set[tuple[str, str]]) -> Dataset:
    """What PS3.4 J.3.3 wants in an event report."""
    report = Dataset()
    report.TransactionUID = transaction
    here = [_item(pair) for pair in asked if pair in kept]
    if here:
        report.ReferencedSOPSequence = here
    missing = [_item(pair) for pair in asked if pair not in kept]
    for item in missing:
        item.FailureReason = NOT_HERE
    if missing:
        report.FailedSOPSequence = missing
    return report


def _item(pair: tuple[str, str]) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = pair
    return item


def _without_delay(event: Any) -> None:
    event.assoc.dul.socket.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
