"""The listening socket: connections bounded and timed before any of their bytes is believed, TLS off the accepting thread."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from socketserver import BaseServer
from typing import Any, cast

from pynetdicom import evt
from pynetdicom.transport import AssociationSocket, RequestHandler, ThreadedAssociationServer

from core.errors import ConfigError
from domains.medical.receiving.settings import TlsSettings
from domains.medical.receiving.upper_layer import Limits, ReceivingAssociation

BACKLOG = 64


class Connection(RequestHandler):
    """One accepted connection."""

    def _create_association(self) -> ReceivingAssociation:
        server = cast("Server", self.server)
        association = ReceivingAssociation(self.ae, server.limits)
        association._server = server
        association.name = f"AcceptorThread@{association.id}"
        association.set_socket(AssociationSocket(association, client_socket=self.request))
        association.acceptor.maximum_length = self.ae.maximum_pdu_size
        association.acceptor.ae_title = server.ae_title
        association.acceptor.address_info = self.local
        association.acceptor.implementation_class_uid = self.ae.implementation_class_uid
        association.acceptor.implementation_version_name = self.ae.implementation_version_name
        association.acceptor.supported_contexts = deepcopy(server.contexts)
        association.requestor.address_info = self.remote
        for event, handlers in server._handlers.items():
            bound: Any = handlers
            for handler, arguments in bound if isinstance(event, evt.NotificationEvent) else [bound]:
                association.bind(event, handler, arguments)
        return association


class Server(ThreadedAssociationServer):
    """Accepts connections, so many and no more."""

    request_queue_size = BACKLOG
    daemon_threads = True
    block_on_close = False

    def __init__(self, *arguments: Any, limits: Limits, connections: int, refused: Callable[[str], None], **options: Any) -> None:
        self.limits = replace(limits, is_gone=self._is_gone)
        self._room, self._lock = connections, threading.Lock()
        self._refused = refused
        super().__init__(*arguments, **{**options, "request_handler": Connection})

    def _bind_defaults(self) -> None:
        for event in evt._INTERVENTION_EVENTS:
            self.bind(event, evt.get_default_handler(event))

    def shutdown(self) -> None:
        """Stop accepting; what is open goes on."""
        BaseServer.shutdown(self)
        self.server_close()

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept; the TLS handshake is the connection's own thread's."""
        client, address = cast("socket.socket", self.socket).accept()
        client.settimeout(self.ae.acse_timeout)
        return client, address

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002
        """Whether there is room for one more connection, associated or not."""
        with self._lock:
            if self._room:
                self._room -= 1
                return True
        self._refused("connections")
        return False

    def _is_gone(self) -> None:
        with self._lock:
            self._room += 1

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands where TLS is on, then begin the association."""
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        request.settimeout(self.ae.acse_timeout)
        if self.ssl_context is not None:
            request = self.ssl_context.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Count it; the default prints a traceback."""
        self._is_gone()
        self._refused("handshakes")


def tls_context(settings: TlsSettings) -> ssl.SSLContext:
    """TLS 1.2 or newer with the configured certificate; with an authority, only for its clients.

    Raises:
        ConfigError: a file cannot be read or does not fit.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load("certificate or key", settings.certificate, lambda: context.load_cert_chain(settings.certificate, settings.key, password=""))
    if (authority := settings.client_authority) is not None:
        _load("client authority", authority, lambda: context.load_verify_locations(authority))
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _load(what: str, path: Path, load: Callable[[], None]) -> None:
    try:
        load()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or getattr(error, "reason", None) or type(error).__name__
        raise ConfigError(f"the listener's TLS {what} {path} cannot be used: {reason}; give PEM files that belong together") from error
