"""One association as the listener serves it: pynetdicom's state machine, with every read bounded and objects going straight to disk.

What differs from pynetdicom (3.0), and why:

- A unit (PDU) has a largest size and a time to arrive in; there it may claim 4 GiB and trickle for ever.
- The pieces of an object are written, hashed and counted as they arrive; there they are gathered in memory.
- A request to store is served and answered by the thread that received it; there it waits for a second thread that looks every
  millisecond.
- The standard log handlers are not bound: they print what was received.
"""

from __future__ import annotations

import logging
import queue
import select
import ssl
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pynetdicom import evt
from pynetdicom._globals import MODE_ACCEPTOR
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dul import DULServiceProvider
from pynetdicom.pdu_primitives import P_DATA

from domains.medical.receiving.answers import store_answer
from domains.medical.receiving.objects import IncomingFile

# PS3.8 9.2: before the association's request came; established, data may come; awaiting that the connection closes
BEGINNING, READY, CLOSING = ("Sta1", "Sta2"), "Sta6", "Sta13"
CLOSED, BROKEN = "Evt17", "Evt19"  # the connection is gone; a unit that cannot be
HEADER_BYTES = 6
P_DATA_TF, RELEASE_REQUEST, ABORT = 0x04, 0x05, 0x07
ASSOCIATION_BYTES = 1 << 19  # 128 contexts with all their syntaxes take a tenth of it
COMMAND_BYTES = 1 << 16
DATA_SET_BYTES = 1 << 22  # of requests that are not objects: a storage commitment of some ten thousand instances
POLL_S = 0.002  # how soon a thread sees what the other of an association wants sent
IS_COMMAND, IS_LAST = 0x01, 0x02  # PS3.8 E.2
BEGIN_S = 5.0
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one association.

    Attributes:
        pdu_bytes: of one unit with data.
        unit_s: within which a unit that has begun must have arrived.
        begin_object: makes the file for an object: SOP class and instance as its request names them, transfer syntax.
        store: keeps a whole object: the request, whose file it is, and the transfer syntax; gives the status to answer with.
        has_left: called once the peer has asked to end, or is gone.
        is_gone: called once its threads have ended, or are about to.
    """

    pdu_bytes: int
    unit_s: float
    begin_object: Callable[[str, str, str], IncomingFile]
    store: Callable[[ReceivingAssociation, Any, str], int]
    has_left: Callable[[ReceivingAssociation], None]
    is_gone: Callable[[], None]


class BadUnitError(Exception):
    """A unit or message that no peer sends in earnest."""


class ReceivingUpperLayer(DULServiceProvider):
    """The thread that reads one connection."""

    def __init__(self, association: ReceivingAssociation, limits: Limits) -> None:
        super().__init__(association)
        self.daemon = True
        self._association, self._limits = association, limits
        self._run_loop_delay = 0.0  # waiting is done where data is waited for
        self._buffer = bytearray(max(limits.pdu_bytes, 4096))
        self._poll: select.poll | None = None
        self._is_own_thread_asleep = False

    def run_reactor(self) -> None:
        """Read until the connection ends, whatever ends it; what is half received is removed."""
        try:
            super().run_reactor()
        finally:
            self._association._reactor_checkpoint.set()
            self._association.messages.discard()
            self._limits.has_left(self._association)

    def _is_transport_event(self) -> bool:
        """Read what has come. While data comes, the association's own thread sleeps: it has nothing to look for."""
        if not self._has_data(POLL_S):
            self._let_sleep(False)
            if self.state_machine.current_state == CLOSING and self.socket is not None:
                self.socket.close()
                return True
            return False
        self._read_pdu_data()
        while self._association.messages.is_amid_object and self.event_queue.empty() and self._has_data(POLL_S):
            self._read_pdu_data()
        self._let_sleep(self.event_queue.empty() and self._association.messages.msg_queue.empty())
        return True

    def _let_sleep(self, is_asleep: bool) -> None:
        """Stop or start the association's own thread; whoever else stopped it, to send something, starts it again."""
        checkpoint = self._association._reactor_checkpoint
        if is_asleep and checkpoint.is_set():
            checkpoint.clear()
            self._is_own_thread_asleep = True
        elif not is_asleep and self._is_own_thread_asleep:
            self._is_own_thread_asleep = False
            checkpoint.set()

    def _has_data(self, within_s: float) -> bool:
        sock = self.socket.socket if self.socket is not None else None
        if sock is None:
            time.sleep(within_s)  # only the state machine's own timers are left
            return False
        try:
            if isinstance(sock, ssl.SSLSocket) and sock.pending():
                return True
            if self._poll is None:
                self._poll = select.poll()
                self._poll.register(sock, select.POLLIN)
            return bool(self._poll.poll(within_s * 1000))
        except (OSError, ValueError):
            self.event_queue.put(CLOSED)
            return False

    def _read_pdu_data(self) -> None:
        """Read one unit; data of an established association is taken on at once, the rest goes the state machine's way."""
        until_s = time.monotonic() + self._limits.unit_s
        try:
            header = bytes(self._receive(memoryview(self._buffer)[:HEADER_BYTES], until_s))
            kind, length = header[0], int.from_bytes(header[2:HEADER_BYTES])
            if not 0x01 <= kind <= ABORT or length > (self._limits.pdu_bytes if kind == P_DATA_TF else ASSOCIATION_BYTES):
                raise BadUnitError  # noqa: TRY301  to be ended like what cannot be decoded
            room = self._buffer if length <= len(self._buffer) else bytearray(length)
            body = self._receive(memoryview(room)[:length], until_s)
            if kind == P_DATA_TF and self.state_machine.current_state == READY:
                self._take_data(body)
                return
            if kind in (RELEASE_REQUEST, ABORT):
                self._limits.has_left(self._association)
            unit, event = self._decode_pdu(bytearray(header + body))
        except (OSError, EOFError):
            self._end(CLOSED)
            return
        except Exception as error:  # pynetdicom raises what the damage leads it to; the peer is told by an abort
            log.info("association %s sent what cannot be taken (%s) and is ended", self._association.id, type(error).__name__)
            self._end(BROKEN)
            return
        self._recv_pdu.put(unit)
        self.event_queue.put(event)

    def _end(self, event: str) -> None:
        """Let the state machine end the association, and wake who waits for its request."""
        self.event_queue.put(event)
        if self.state_machine.current_state in BEGINNING:
            self.to_user_queue.put(None)  # type: ignore[arg-type]  # nothing came: what a time-out says

    def send(self, unit: bytes) -> None:
        """Send a unit with data while the association is established, from the thread that reads it."""
        sock = self.socket.socket if self.socket is not None and self.state_machine.current_state == READY else None
        if sock is None:
            return
        try:
            sock.settimeout(self._limits.unit_s)
            sock.sendall(unit)
        except OSError:
            self.event_queue.put(CLOSED)

    def _receive(self, into: memoryview, until_s: float) -> memoryview:
        """Fill a buffer.

        Raises:
            EOFError: the peer is gone.
            OSError: it is, or it is too slow.
        """
        sock, got = self.socket.socket if self.socket is not None else None, 0
        if sock is None:
            raise EOFError
        while got < len(into):
            left_s = until_s - time.monotonic()
            if left_s <= 0:
                raise TimeoutError
            if not (isinstance(sock, ssl.SSLSocket) and sock.pending()):
                sock.settimeout(left_s)
            count = sock.recv_into(into[got:])
            if not count:
                raise EOFError
            got += count
        return into

    def _take_data(self, body: memoryview) -> None:
        """Pass the data values of a unit on (PS3.8 9.3.5)."""
        at = 0
        while at < len(body):
            length = int.from_bytes(body[at : at + 4])
            end = at + 4 + length
            if length < 2 or end > len(body):
                raise BadUnitError
            self._association.messages.take(body[at + 4], body[at + 5 : end])
            at = end


class ReceivingMessages(DIMSEServiceProvider):
    """Puts messages together; objects go to a file as they come, and are served as soon as they are whole."""

    def __init__(self, association: ReceivingAssociation, limits: Limits) -> None:
        super().__init__(association)
        self._association, self._limits = association, limits
        self._file: IncomingFile | None = None

    @property
    def is_amid_object(self) -> bool:
        """Whether more of an object must come."""
        return self._file is not None

    def take(self, context_id: int, value: memoryview) -> None:
        """Take one data value: its control byte, then a piece of a command or of a data set.

        Raises:
            BadUnitError: it fits no message.
            TooLargeError: it makes the object too large.
        """
        control = value[0]
        if context_id not in self._association._accepted_cx:
            raise BadUnitError
        if self._file is not None and not control & IS_COMMAND:
            self._file.write(value[1:])
            if not control & IS_LAST:
                return
            value = value[:1]  # only that it is the last: its bytes are written
            self._file = None
        elif self._file is not None or self._gathered_bytes(control) + len(value) > (
            COMMAND_BYTES if control & IS_COMMAND else DATA_SET_BYTES
        ):
            raise BadUnitError
        part = P_DATA()
        part.presentation_data_value_list = [[context_id, bytes(value)]]  # type: ignore[list-item]  # it wants a list
        self.receive_primitive(part)
        message: Any = self.message
        if message is None:
            self._serve()
        elif isinstance(message, C_STORE_RQ):
            self._begin_object(message)

    def _gathered_bytes(self, control: int) -> int:
        """Of the command, or of a data set that is no object."""
        message: Any = self.message
        if message is None:
            return 0
        return int((message.encoded_command_set if control & IS_COMMAND else message.data_set).tell())

    def _begin_object(self, message: Any) -> None:
        """Have pynetdicom write the object where it would write one to a file of its own."""
        command = message.command_set
        syntax = self._association._accepted_cx[message.context_id].transfer_syntax[0]
        self._file = self._limits.begin_object(str(command.AffectedSOPClassUID), str(command.AffectedSOPInstanceUID), str(syntax))
        message._data_set_file = self._file

    def _serve(self) -> None:
        """Answer what needs no further word from the peer; leave the rest to the association's own thread."""
        try:
            context_id, request = self.msg_queue.get_nowait()
        except queue.Empty:
            return
        if context_id is None or not isinstance(request, C_STORE) or not request.is_valid_request:
            self.msg_queue.put((context_id, request))  # type: ignore[arg-type]
            return
        stored: Any = request
        try:
            if not self._association.begun.wait(BEGIN_S):  # the peer may be quicker than the thread that accepted it
                raise BadUnitError
            status = self._limits.store(self._association, stored, str(self._association._accepted_cx[context_id].transfer_syntax[0]))
        finally:
            stored._dataset_file.discard()
        self._association.upper_layer.send(
            store_answer(context_id, stored.MessageID, str(stored.AffectedSOPClassUID), str(stored.AffectedSOPInstanceUID), status)
        )

    def discard(self) -> None:
        """Remove an object that will never be whole."""
        if self._file is not None:
            self._file.discard()


class ReceivingAssociation(Association):
    """An association of the listener.

    Attributes:
        id: of it, in the index and in the log.
        begun: set once it is established.
        objects: received in it, and whole.
        studies: that they belong to.
        messages: what puts its messages together.
        upper_layer: what reads its connection.
    """

    def __init__(self, ae: ApplicationEntity, limits: Limits) -> None:
        super().__init__(ae, MODE_ACCEPTOR)
        self.id = uuid.uuid4().hex
        self._limits = limits
        self.begun = threading.Event()
        self.objects = 0
        self.studies: set[str] = set()
        self.messages = ReceivingMessages(self, limits)
        self.dimse = self.messages
        self.upper_layer = ReceivingUpperLayer(self, limits)
        self.dul = self.upper_layer
        self.acse_timeout, self.network_timeout = ae.acse_timeout, ae.network_timeout

    def _bind_defaults(self) -> None:
        for event in evt._INTERVENTION_EVENTS:
            self.bind(event, evt.get_default_handler(event))

    def run_reactor(self) -> None:
        """Serve, and say when it is over."""
        try:
            super().run_reactor()
        finally:
            self._limits.is_gone()

    def _abort_blocking(self, block: bool = True) -> None:
        """Abort; the thread that reads cannot wait for itself, and before there is an association there is nothing to abort."""
        if threading.current_thread() is self.dul:
            self.dul.event_queue.put(BROKEN)
        elif not self.begun.is_set():
            if self.upper_layer.socket is not None:
                self.upper_layer.socket._shutdown_socket()
        else:
            super()._abort_blocking(block)
