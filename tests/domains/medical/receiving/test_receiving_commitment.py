"""Storage commitment: what is here is promised, what is not is said to be missing, in this association or in a new one."""

from __future__ import annotations

import queue
import threading

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, evt
from pynetdicom.sop_class import CTImageStorage, StorageCommitmentPushModel

INSTANCE = "1.2.840.10008.1.20.1.1"
TIMEOUT_S = 10


class Sender:
    """An application entity that stores, asks for commitment, and waits for the report."""

    def __init__(self, title="SENDER"):
        self.reports: queue.Queue[tuple[int, Dataset]] = queue.Queue()
        self.entity = AE(ae_title=title)
        self.entity.acse_timeout = self.entity.dimse_timeout = self.entity.network_timeout = TIMEOUT_S
        self.entity.add_requested_context(CTImageStorage)
        self.entity.add_requested_context(StorageCommitmentPushModel)

    def reported(self, event):
        self.reports.put((event.event_type, event.event_information))
        return 0x0000, None

    def associate(self, port):
        handlers = [(evt.EVT_N_EVENT_REPORT, self.reported)]
        return self.entity.associate("127.0.0.1", port, ae_title="TRIVIUM", evt_handlers=handlers)

    @staticmethod
    def ask(association, *wanted):
        request = Dataset()
        request.TransactionUID = generate_uid()
        request.ReferencedSOPSequence = []
        for class_uid, instance_uid in wanted:
            item = Dataset()
            item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = class_uid, instance_uid
            request.ReferencedSOPSequence.append(item)
        status, _ = association.send_n_action(request, 1, StorageCommitmentPushModel, INSTANCE)
        return status.Status, request.TransactionUID


def test_kept_objects_are_promised_in_the_association_that_asked(listening, make_ct, tmp_path):
    one, sender = listening(), Sender()
    sent = [dcmread(path) for path in make_ct(tmp_path / "ct", 2)]
    association = sender.associate(one.port)
    assert [association.send_c_store(each).Status for each in sent] == [0, 0]

    status, transaction = sender.ask(association, *((each.SOPClassUID, each.SOPInstanceUID) for each in sent))

    assert status == 0
    event_type, report = sender.reports.get(timeout=TIMEOUT_S)
    assert (event_type, report.TransactionUID) == (1, transaction)
    assert [item.ReferencedSOPInstanceUID for item in report.ReferencedSOPSequence] == [each.SOPInstanceUID for each in sent]
    one.until(lambda: not any(thread.name == "storage commitment" for thread in threading.enumerate()), 5)  # it has the answer
    assert association.send_c_store(sent[0]).Status == 0
    association.release()


def test_missing_object_is_named_as_such(listening, make_ct, tmp_path):
    one, sender = listening(), Sender()
    sent = dcmread(make_ct(tmp_path / "ct", 1)[0])
    association = sender.associate(one.port)
    assert association.send_c_store(sent).Status == 0

    sender.ask(association, (sent.SOPClassUID, sent.SOPInstanceUID), (CTImageStorage, "1.2.3.4"))

    event_type, report = sender.reports.get(timeout=TIMEOUT_S)
    assert event_type == 2
    assert [(item.ReferencedSOPInstanceUID, item.FailureReason) for item in report.FailedSOPSequence] == [("1.2.3.4", 0x0112)]
    assert [item.ReferencedSOPInstanceUID for item in report.ReferencedSOPSequence] == [sent.SOPInstanceUID]
    association.release()


def test_report_goes_to_the_configured_peer(listening, make_ct, tmp_path):
    sender = Sender("MODALITY")
    waiting = AE(ae_title="MODALITY")
    waiting.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)
    server = waiting.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, sender.reported)])
    one = listening(peers={"MODALITY": {"host": "127.0.0.1", "port": server.server_address[1]}})
    sent = dcmread(make_ct(tmp_path / "ct", 1)[0])
    association = sender.associate(one.port)
    assert association.send_c_store(sent).Status == 0

    assert sender.ask(association, (sent.SOPClassUID, sent.SOPInstanceUID))[0] == 0
    association.release()

    assert sender.reports.get(timeout=TIMEOUT_S)[0] == 1
    server.shutdown()


def test_request_that_names_no_identifiers_is_refused(listening):
    one, sender = listening(), Sender()
    association = sender.associate(one.port)

    assert sender.ask(association)[0] == 0x0115
    association.release()


def test_commitment_can_be_turned_off(listening):
    association = Sender().associate(listening(commitment=False).port)

    assert [each.abstract_syntax for each in association.accepted_contexts] == [CTImageStorage]
    association.release()
