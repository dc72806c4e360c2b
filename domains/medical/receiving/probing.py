"""Ask a listener once whether it answers."""

from __future__ import annotations

import logging
import time

from domains.contract import SourceStatus
from domains.medical.receiving.settings import LOOPBACK, ReceivingSettings

PROBE_TITLE = "TRIVIUM-PROBE"
TIMEOUT_S = 3.0
ANYWHERE = ("0.0.0.0", "::", "")  # noqa: S104  what a listener may have been told to bind to


def probe_listener(settings: ReceivingSettings) -> SourceStatus:
    """A C-ECHO (PS3.4 annex A) at the address of the settings; one over TLS is only looked for, not asked."""
    import socket

    from pynetdicom import AE
    from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

    host = LOOPBACK if settings.host in ANYWHERE else settings.host
    name = f"listener {settings.ae_title}"
    if settings.tls is not None:
        try:
            socket.create_connection((host, settings.port), TIMEOUT_S).close()
        except OSError as error:
            return SourceStatus(name, "offline", time.time(), note=f"port {settings.port}: {error.strerror or error}")
        return SourceStatus(name, "online", time.time(), note="TLS: the port is open, no echo was asked for")
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)  # what it logs quotes what it received
    entity = AE(ae_title=settings.callers[0] if settings.callers else PROBE_TITLE)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = entity.connection_timeout = TIMEOUT_S
    entity.add_requested_context(Verification)
    association = entity.associate(host, settings.port, ae_title=settings.ae_title)
    if not association.is_established:
        return SourceStatus(name, "offline", time.time(), note=f"nobody answers at port {settings.port}; start it: trivium medical listen")
    try:
        status = association.send_c_echo()
    finally:
        association.release()
    is_well = bool(status) and status.Status == 0
    return SourceStatus(name, "online" if is_well else "offline", time.time(), note="" if is_well else "it does not answer an echo")
