"""The DICOM listener: takes what others send, keeps it so that nothing acknowledged is lost, and hands whole studies on.

C-ECHO (PS3.4 annex A), C-STORE (annex B) of every storage class, storage commitment (annex J). An object is written, fsynced and
indexed before its sender is told of success.
"""

from __future__ import annotations

import errno
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from pynetdicom import AE, evt
from pynetdicom.presentation import AllStoragePresentationContexts
from pynetdicom.sop_class import StorageCommitmentPushModel, Verification  # type: ignore[attr-defined]

from core.errors import ConfigError, InputError, StoreError
from core.store import Arrival, Store, received_index
from domains.medical.receiving.commitment import Commitment
from domains.medical.receiving.file_meta import file_beginning
from domains.medical.receiving.identity import is_uid
from domains.medical.receiving.intake import DOMAIN, Intake, identify
from domains.medical.receiving.objects import IncomingFile, open_objects
from domains.medical.receiving.quiet import HandedOn, OnStudy, QuietStudies
from domains.medical.receiving.server import Server, tls_context
from domains.medical.receiving.settings import ReceivingSettings
from domains.medical.receiving.upper_layer import Limits, ReceivingAssociation

SUCCESS, OUT_OF_RESOURCES, DOES_NOT_MATCH, CANNOT_UNDERSTAND, FAILED = 0x0000, 0xA700, 0xA900, 0xC000, 0x0110  # PS3.4 B.2.3
REJECTED_TRANSIENT, BY_PRESENTATION, LOCAL_LIMIT = 0x02, 0x03, 0x02  # PS3.8 9.3.4
WAITING_CONNECTIONS = 4  # beyond the associations: those that are about to be rejected, or to leave
TRANSFER_SYNTAXES = (  # every one but the deflated: what is sent must not grow by being read
    "1.2.840.10008.1.2.1",  # explicit VR little endian
    "1.2.840.10008.1.2",  # implicit VR little endian
    "1.2.840.10008.1.2.2",  # explicit VR big endian (retired)
    "1.2.840.10008.1.2.4.50",  # JPEG baseline
    "1.2.840.10008.1.2.4.51",  # JPEG extended
    "1.2.840.10008.1.2.4.57",  # JPEG lossless
    "1.2.840.10008.1.2.4.70",  # JPEG lossless, first-order
    "1.2.840.10008.1.2.4.80",  # JPEG-LS lossless
    "1.2.840.10008.1.2.4.81",  # JPEG-LS near lossless
    "1.2.840.10008.1.2.4.90",  # JPEG 2000 lossless
    "1.2.840.10008.1.2.4.91",  # JPEG 2000
    "1.2.840.10008.1.2.5",  # RLE
)
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ListenerStatus:
    """What the listener has done so far.

    Attributes:
        associations: open now.
        objects, duplicates, conflicts: received: new ones, known ones, and ones that contradict an earlier one.
        refused: objects that were not taken.
        bytes: of all that were.
        rejected: associations and connections that were turned away.
        waiting: studies that are not whole yet.
        studies, failed: handed on, and those of them that could not be drafted.
        last: the study handed on last.
    """

    associations: int
    objects: int
    duplicates: int
    conflicts: int
    refused: int
    bytes: int
    rejected: int
    waiting: int
    studies: int
    failed: int
    last: HandedOn | None


def say_nothing(event: str, details: dict[str, object]) -> None:
    """Nobody listens."""


class Listener:
    """Listens for DICOM associations while it is started.

    Attributes:
        port: where, once started.
    """

    def __init__(
        self,
        settings: ReceivingSettings,
        store: Store,
        folder: Path,
        on_study: OnStudy,
        tell: Callable[[str, dict[str, object]], None] = say_nothing,
    ) -> None:
        """Make ready; nothing is opened yet.

        Args:
            settings: where, for whom, within which bounds.
            store: has the index.
            folder: of the objects.
            on_study: called by one thread with each whole study's identifier and files; a study whose call fails is tried again
                at the next start.
            tell: called, from any thread, with `association` (begun or ended) and `study`, and their details.
        """
        self.settings = settings
        self.port = settings.port
        self._index, self._folder = received_index(store, DOMAIN), folder
        self._on_study, self._tell = on_study, tell
        self._counts: Counter[str] = Counter()
        self._open: dict[str, ReceivingAssociation] = {}
        self._lock = threading.Lock()
        self._last: HandedOn | None = None
        self._server: Server | None = None

    def start(self) -> None:
        """Open the folder, clean up after earlier processes, and listen.

        Raises:
            ConfigError: the address or the TLS files cannot be used.
            StoreError: the folder or the index cannot be.
        """
        logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)  # what it logs quotes what it received
        logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)
        context = tls_context(self.settings.tls) if self.settings.tls else None
        self._intake = Intake(open_objects(self._folder), self._index)
        try:
            self._intake.sweep()
            self._quiet = QuietStudies(
                self._index,
                self._intake.folder.path_of,
                self._on_study,
                self._handed_on,
                self.settings.quiet_s,
                self.settings.quiet_open_s,
            )
            self._server = self._make_server(context)
            self._quiet.start()
        except BaseException as error:
            if self._server is not None:
                self._server.server_close()
            self._intake.folder.close()
            if isinstance(error, OSError):
                raise ConfigError(
                    f"the listener cannot listen at {self.settings.host}:{self.settings.port}: {error.strerror}; "
                    "choose another address or port in medical.receiving"
                ) from error
            raise
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, name="DICOM listener", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Take no more associations, cut off those that are open, finish the study that is being handed on."""
        if self._server is None:
            return
        self._server.shutdown()
        for association in list(self._server.active_associations):
            with suppress(Exception):
                association.abort()
        until_s = time.monotonic() + timeout_s
        for association in list(self._server.active_associations):
            association.join(max(0.0, until_s - time.monotonic()))
        self._quiet.stop(max(0.0, until_s - time.monotonic()))
        self._thread.join(timeout_s)
        self._intake.folder.close()
        self._server = None

    def status(self) -> ListenerStatus:
        """What it has done so far."""
        with self._lock:
            counts, is_open, last = Counter(self._counts), len(self._open), self._last
        names = ("objects", "duplicates", "conflicts", "refused", "bytes", "rejected", "studies", "failed")
        return ListenerStatus(associations=is_open, waiting=self._quiet.waiting, last=last, **{name: counts[name] for name in names})

    def _make_server(self, context: Any) -> Server:
        settings = self.settings
        entity = AE(ae_title=settings.ae_title)
        entity.maximum_pdu_size = settings.pdu_bytes
        entity.maximum_associations = 1000  # counted here, see `_requested`
        entity.acse_timeout = settings.request_timeout_s
        entity.network_timeout = entity.dimse_timeout = settings.network_timeout_s
        entity.require_called_aet = settings.check_called
        entity.require_calling_aet = list(settings.callers or [])
        for each in AllStoragePresentationContexts:
            entity.add_supported_context(str(each.abstract_syntax), list(TRANSFER_SYNTAXES))
        entity.add_supported_context(Verification)
        handlers: list[Any] = [
            (evt.EVT_REQUESTED, self._requested),
            (evt.EVT_ESTABLISHED, self._established),
            (evt.EVT_REJECTED, lambda _: self._refused("associations")),
            (evt.EVT_C_ECHO, lambda _: SUCCESS),
        ]
        if settings.commitment:
            entity.add_supported_context(StorageCommitmentPushModel)
            handlers += Commitment(self._index, settings.peers, settings.ae_title, settings.network_timeout_s).handlers()
        made = entity.make_server(
            (settings.host, settings.port),
            ssl_context=context,
            evt_handlers=handlers,
            server_class=Server,
            limits=Limits(settings.pdu_bytes, settings.network_timeout_s, self._begin_object, self._store, self._left, lambda: None),
            connections=settings.associations * 2 + WAITING_CONNECTIONS,
            refused=self._refused,
        )
        return cast("Server", made)

    def _requested(self, event: Any) -> None:
        """Turn away whoever is one too many."""
        association: ReceivingAssociation = event.assoc
        with self._lock:
            if len(self._open) < self.settings.associations:
                self._open[association.id] = association
                return
        association.acse.send_reject(REJECTED_TRANSIENT, BY_PRESENTATION, LOCAL_LIMIT)
        self._refused("associations")
        association.kill()  # waits until the peer has been told

    def _established(self, event: Any) -> None:
        association: ReceivingAssociation = event.assoc
        association.begun.set()
        self._tell("association", {"state": "begun", "association": association.id, "caller": association.requestor.ae_title})

    def _left(self, association: ReceivingAssociation) -> None:
        with self._lock:
            known = self._open.pop(association.id, None)
        if known is None or not association.begun.is_set():
            return
        self._quiet.ended(association.id, association.studies)
        self._tell("association", {"state": "ended", "association": association.id, "objects": association.objects})

    def _refused(self, _what: str) -> None:
        with self._lock:
            self._counts["rejected"] += 1

    def _begin_object(self, class_uid: str, instance_uid: str, transfer_syntax: str) -> IncomingFile:
        """A file that begins with the preamble and file meta (PS3.10 7.1)."""
        file = self._intake.folder.new_file(int(self.settings.max_object_mb * 1e6))
        if is_uid(class_uid) and is_uid(instance_uid):
            file.write(file_beginning(class_uid, instance_uid, transfer_syntax))
        file.meta_bytes = file.bytes
        return file

    def _store(self, association: ReceivingAssociation, request: Any, syntax: str) -> int:
        """Keep an object and give the status to answer with (PS3.4 B.2.3)."""
        file: IncomingFile = request._dataset_file
        try:
            identity = identify(file, syntax)
            if (identity.class_uid, identity.instance_uid) != (str(request.AffectedSOPClassUID), str(request.AffectedSOPInstanceUID)):
                return self._not_taken(DOES_NOT_MATCH, "its identifiers are not those that it was announced with")
            arrival = self._intake.take(file, identity, syntax, str(association.requestor.ae_title), association.id)
        except InputError as error:
            return self._not_taken(CANNOT_UNDERSTAND, str(error))
        except StoreError as error:
            return self._not_taken(FAILED, str(error))
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            return self._not_taken(OUT_OF_RESOURCES if full else FAILED, error.strerror or type(error).__name__)
        association.objects += 1
        association.studies.add(identity.study_uid)
        self._quiet.came(identity.study_uid, association.id)
        with self._lock:
            self._counts[{Arrival.NEW: "objects", Arrival.DUPLICATE: "duplicates", Arrival.CONFLICT: "conflicts"}[arrival]] += 1
            self._counts["bytes"] += file.bytes
        return SUCCESS

    def _not_taken(self, status: int, reason: str) -> int:
        with self._lock:
            self._counts["refused"] += 1
        log.warning("an object was not taken (status %04X): %s", status, reason)
        return status

    def _handed_on(self, study: HandedOn) -> None:
        with self._lock:
            self._counts["studies"] += 1
            self._counts["failed"] += bool(study.error)
            self._last = study
        self._tell("study", {"study": study.study_uid, "objects": study.objects, "took_s": study.took_s, "error": study.error})
