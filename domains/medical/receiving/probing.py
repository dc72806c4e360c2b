"""Ask a listener whether it is there: one C-ECHO (PS3.4 annex A)."""

from __future__ import annotations

import ssl
import time

from domains.contract import SourceStatus
from domains.medical.receiving.settings import LOOPBACK, ReceivingSettings

NAME = "listener"
ANYWHERE = ("0.0.0.0", "::")  # noqa: S104  what is compared with, not bound to
TIMEOUT_S = 3.0


def probe_listener(settings: ReceivingSettings) -> SourceStatus:
    """Whether a listener with these settings answers on this machine."""
    from pynetdicom import AE
    from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

    entity = AE(ae_title=settings.callers[0] if settings.callers else "TRIVIUM-PROBE")
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = entity.connection_timeout = TIMEOUT_S
    entity.add_requested_context(Verification)
    host = LOOPBACK if settings.host in ANYWHERE else settings.host
    note, state = "", "offline"
    if settings.tls is not None and settings.tls.client_authority is not None:
        return SourceStatus(NAME, state, time.time(), note="it wants a client's certificate, so it is not asked from here")
    association = entity.associate(host, settings.port, ae_title=settings.ae_title, tls_args=_tls(settings))
    if association.is_established:
        try:
            answer = association.send_c_echo()
            state = "online" if getattr(answer, "Status", None) == 0 else state
        finally:
            association.release()
    elif association.is_rejected:
        note = "it refuses this program; check ae_title and callers"
    else:
        note = f"nobody answers at {host}:{settings.port}; start it with: trivium medical listen"
    return SourceStatus(NAME, state, time.time(), note=note)


def _tls(settings: ReceivingSettings) -> tuple[ssl.SSLContext, str] | None:
    """Whoever answers is our own machine: its certificate is not checked, and nothing but an echo is said."""
    if settings.tls is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context, settings.host
