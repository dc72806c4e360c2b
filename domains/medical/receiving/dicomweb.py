"""Fetch studies by DICOMweb (PS3.18): QIDO-RS finds them, WADO-RS retrieves them, and they are kept as received ones are.

The server is not trusted: its bodies are bounded and timed, redirects are not followed, nothing it says becomes a path, and what
does not read as an object of the study that was asked for is refused. Credentials come from the environment and go nowhere else.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dicomweb_client import DICOMwebClient
from dicomweb_client.session_utils import create_session

from core.errors import InputError
from core.store import Arrival, Store, received_index
from domains.medical.receiving.file_meta import DataSetPart, data_set_of, file_beginning
from domains.medical.receiving.identity import is_uid
from domains.medical.receiving.intake import DOMAIN, Intake, identify
from domains.medical.receiving.objects import TooLargeError, open_objects
from domains.medical.receiving.quiet import OnStudy

USER, PASSWORD, TOKEN = "TRIVIUM_DICOMWEB_USER", "TRIVIUM_DICOMWEB_PASSWORD", "TRIVIUM_DICOMWEB_TOKEN"
SENDER = "dicomweb"
STUDY_TAG = "0020000D"
CHUNK_BYTES = 1 << 18
DICOM_PARTS = 'multipart/related; type="application/dicom"; transfer-syntax=*'  # as it is kept, not converted


@dataclass(frozen=True, slots=True)
class PullBounds:
    """What a server may send.

    Attributes:
        answer_bytes: of the answer to a search.
        object_bytes: of one object.
        study_bytes: of one study.
        studies: that a search may find.
        silence_s: within which it must say something.
        total_s: within which one answer must have ended.
    """

    answer_bytes: int = 16 << 20
    object_bytes: int = 2 << 30
    study_bytes: int = 16 << 30
    studies: int = 100
    silence_s: float = 30.0
    total_s: float = 3600.0


@dataclass(frozen=True, slots=True)
class Pulled:
    """One study that was fetched.

    Attributes:
        study_uid: which.
        objects, duplicates, conflicts: new ones, those that were here, those that contradict one that was.
        bytes: of them all.
        took_s: from the request to the last object's commit.
    """

    study_uid: str
    objects: int
    duplicates: int
    conflicts: int
    bytes: int
    took_s: float


def pull(
    url: str,
    store: Store,
    folder: Path,
    *,
    study_uid: str = "",
    query: Mapping[str, str] | None = None,
    on_study: OnStudy | None = None,
    bounds: PullBounds | None = None,
    environ: Mapping[str, str] = os.environ,
) -> list[Pulled]:
    """Fetch one study, or all that a search finds.

    Args:
        url: of the service, such as `https://pacs.example/dicom-web`; without user and password.
        store: has the index of received objects.
        folder: where they lie.
        study_uid: the one study.
        query: DICOM keywords and what they must be, such as `{"PatientID": "...", "StudyDate": "20260101-"}`.
        on_study: called with each study's identifier and files once it is here.
        bounds: what the server may send.
        environ: has TRIVIUM_DICOMWEB_USER and TRIVIUM_DICOMWEB_PASSWORD, or TRIVIUM_DICOMWEB_TOKEN, where they are needed.

    Returns:
        What was fetched.

    Raises:
        InputError: the service cannot be reached, refuses, or sends what cannot be taken: one line, without credentials.
        StoreError: it cannot be kept.
    """
    bounds = bounds or PullBounds()
    if study_uid and not is_uid(study_uid):
        raise InputError("the study's identifier is not one: digits and dots, such as 1.2.840.113619.2.1")
    if not study_uid and not query:
        raise InputError("nothing is asked for; give a study's identifier or a search")
    service = _Service(url, bounds, environ)
    wanted = [study_uid] if study_uid else service.find(query or {})
    intake = Intake(open_objects(folder), received_index(store, DOMAIN))
    try:
        return [_fetch(service, intake, uid, on_study, bounds) for uid in wanted]
    finally:
        intake.folder.close()


def _fetch(service: _Service, intake: Intake, study_uid: str, on_study: OnStudy | None, bounds: PullBounds) -> Pulled:
    began_s, association = time.monotonic(), uuid.uuid4().hex
    counts = dict.fromkeys(Arrival, 0)
    size = 0
    for part in service.objects_of(study_uid):
        found = data_set_of(part)
        arrival = _keep(intake, found, study_uid, association, bounds, service.shown)
        counts[arrival] += 1
        size += len(part)
    if not any(counts.values()):
        raise InputError(f"{service.shown} has no objects of the study that was asked for")
    if on_study is not None:
        objects = intake.index.objects_of(study_uid)
        on_study(study_uid, tuple(intake.folder.path_of(each.object.sha256) for each in objects))
        intake.index.handed_on(study_uid, objects[-1].id)
    took_s = time.monotonic() - began_s
    return Pulled(study_uid, counts[Arrival.NEW], counts[Arrival.DUPLICATE], counts[Arrival.CONFLICT], size, took_s)


def _keep(intake: Intake, part: DataSetPart, study_uid: str, association: str, bounds: PullBounds, shown: str) -> Arrival:
    file = intake.folder.new_file(bounds.object_bytes)
    try:
        file.write(file_beginning(part.class_uid, part.instance_uid, part.transfer_syntax))
        file.meta_bytes = file.bytes
        file.write(part.data_set)
        identity = identify(file, part.transfer_syntax)
        if identity.study_uid != study_uid:
            raise InputError(f"{shown} sent an object of another study than the one that was asked for; nothing more of it is taken")
        return intake.take(file, identity, part.transfer_syntax, SENDER, association)
    except TooLargeError:
        raise InputError(f"{shown} sent an object larger than {bounds.object_bytes} bytes") from None
    except OSError as error:
        raise InputError(f"an object cannot be kept: {error.strerror}; free some space or check the folder") from error
    finally:
        file.discard()


class _Client(DICOMwebClient):
    def parts_of(self, study_uid: str) -> Iterator[bytes]:
        """The parts of a study's answer as they are: its own method would parse, and so inflate, them."""
        response = self._http_get(f"{self.base_url}/studies/{study_uid}", headers={"Accept": DICOM_PARTS}, stream=True)
        yield from self._decode_multipart_message(response, stream=True)


class _Service:
    """One service, its answers bounded.

    Attributes:
        shown: its address as it may be shown.
    """

    def __init__(self, url: str, bounds: PullBounds, environ: Mapping[str, str]) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError("the DICOMweb address is not one; write https://HOST/PATH")
        if parts.username is not None or parts.password is not None:
            raise InputError(f"the DICOMweb address holds a login; leave it out and set {USER} and {PASSWORD}, or {TOKEN}")
        port = f":{parts.port}" if parts.port else ""
        self.shown = f"{parts.scheme}://{parts.hostname}{port}{parts.path.rstrip('/')}"
        self._bounds, self._allowed_bytes, self._in_part = bounds, 0, 0
        session = create_session()
        session.trust_env = False  # no .netrc: a login is sent only where this command was told to
        session.max_redirects = 0
        session.headers["Accept-Encoding"] = "identity"
        if environ.get(TOKEN):
            session.headers["Authorization"] = f"Bearer {environ[TOKEN]}"
        elif environ.get(USER):
            session.auth = (environ[USER], environ.get(PASSWORD, ""))
        session.hooks["response"] = [self._bind]
        self._client = _Client(self.shown, session=session, chunk_size=CHUNK_BYTES, timeout=bounds.silence_s)
        self._client.set_http_retry_params(retry=False)

    def find(self, query: Mapping[str, str]) -> list[str]:
        """Identifiers of the studies that a search finds.

        Raises:
            InputError: none, too many, or no answer that can be read.
        """
        self._allow(self._bounds.answer_bytes)
        try:
            found = self._client.search_for_studies(search_filters=dict(query), limit=self._bounds.studies + 1, fields=[STUDY_TAG])
            uids = [str(study[STUDY_TAG]["Value"][0]) for study in found]
        except Exception as error:
            raise self._complaint(error) from None
        if not uids:
            raise InputError(f"{self.shown} knows no study that this search finds")
        if len(uids) > self._bounds.studies:
            raise InputError(f"the search finds more than {self._bounds.studies} studies; narrow it")
        if not all(is_uid(uid) for uid in uids):
            raise InputError(f"{self.shown} answers with identifiers that are none")
        return list(dict.fromkeys(uids))

    def objects_of(self, study_uid: str) -> Iterator[bytes]:
        """Each object of a study, as it was sent.

        Raises:
            InputError: they cannot be had.
        """
        self._allow(self._bounds.study_bytes)
        parts = self._client.parts_of(study_uid)
        while True:
            try:
                part = next(parts, None)
            except Exception as error:
                raise self._complaint(error) from None
            if part is None:
                return
            self._in_part = 0
            yield part

    def _allow(self, answer_bytes: int) -> None:
        self._allowed_bytes, self._in_part = answer_bytes, 0

    def _bind(self, response: Any, *_: object, **__: object) -> Any:
        """Bound a response before any of its body is read."""
        read, allowed, until_s = response.iter_content, self._allowed_bytes, time.monotonic() + self._bounds.total_s

        def cut() -> None:
            with suppress(Exception):  # it may have ended meanwhile
                response.raw.shutdown()

        def bounded(chunk_size: int = CHUNK_BYTES, decode_unicode: bool = False) -> Iterator[bytes]:
            got = 0
            watch = threading.Timer(self._bounds.total_s, cut)
            watch.daemon = True
            watch.start()
            try:
                for chunk in read(chunk_size, decode_unicode):
                    got += len(chunk)
                    self._in_part += len(chunk)
                    if got > allowed or self._in_part > self._bounds.object_bytes + CHUNK_BYTES:
                        raise _EndlessError
                    yield chunk
                if time.monotonic() > until_s:
                    raise TimeoutError
            finally:
                watch.cancel()

        response.iter_content = bounded
        return response

    def _complaint(self, error: Exception) -> InputError:
        """What went wrong, in our words: the library's hold addresses, headers and what the server said."""
        answer = getattr(error, "response", None)
        status = getattr(answer, "status_code", None)
        name = type(error).__name__
        if status in (401, 403):
            return InputError(f"{self.shown} refuses the login ({status}); set {USER} and {PASSWORD}, or {TOKEN}")
        if status is not None and 300 <= status < 400:
            return InputError(f"{self.shown} points elsewhere ({status}), which is not followed; give the address it points at")
        if status is not None:
            return InputError(f"{self.shown} answers with an error ({status}); check the address and what is asked for")
        if isinstance(error, _EndlessError):
            return InputError(f"{self.shown} sends more than is taken; nothing more of it is read")
        if isinstance(error, TimeoutError) or "Timeout" in name:
            return InputError(f"{self.shown} does not answer in time; check it and the network")
        if isinstance(error, OSError):
            return InputError(f"{self.shown} cannot be reached or breaks off ({name}); check the address, its certificate and the network")
        return InputError(f"{self.shown} answers with something else than DICOM ({name}); check the address")


class _EndlessError(Exception):
    """More than is taken."""
