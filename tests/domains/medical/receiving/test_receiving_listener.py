"""The listener with real senders: what is sent is kept, counted, flagged and handed on; who may not send is told so."""

from __future__ import annotations

import shutil
import subprocess
import threading
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid
from pynetdicom import AE, evt
from pynetdicom.sop_class import CTImageStorage, Verification

from core.errors import ConfigError

TIMEOUT_S = 10


def associate(port, title="SENDER", called="TRIVIUM"):
    entity = AE(ae_title=title)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = TIMEOUT_S
    entity.add_requested_context(Verification)
    entity.add_requested_context(CTImageStorage)
    return entity.associate("127.0.0.1", port, ae_title=called)


def test_echo_is_answered(listening, dcmtk):
    dcmtk("echoscu", "-aec", "TRIVIUM", "127.0.0.1", listening().port)


def test_study_is_kept_as_sent_indexed_and_handed_on_once_it_is_quiet(listening, dcmtk, make_ct, tmp_path):
    one = listening()
    sent = make_ct(tmp_path / "ct", 5)

    dcmtk("storescu", "-aec", "TRIVIUM", "127.0.0.1", one.port, *sent)

    uid, paths = one.studies.get(timeout=TIMEOUT_S)
    assert uid == dcmread(sent[0]).StudyInstanceUID
    assert sorted(dcmread(path).SOPInstanceUID for path in paths) == sorted(dcmread(path).SOPInstanceUID for path in sent)
    for path in paths:
        original = next(each for each in map(dcmread, sent) if each.SOPInstanceUID == dcmread(path).SOPInstanceUID)
        assert dcmread(path) == original
    one.until(lambda: one.index.waiting_studies() == [])
    assert (one.listener.status().objects, one.listener.status().studies, one.listener.status().associations) == (5, 1, 0)
    assert one.studies.empty()


def test_nothing_is_said_of_success_before_file_and_row_are_there(listening, make_ct, tmp_path, monkeypatch):
    one = listening()
    seen = []
    sent = dcmread(make_ct(tmp_path / "ct", 1)[0])
    association = associate(one.port)

    def look(_event):
        rows = one.index.objects_of(sent.StudyInstanceUID)
        seen.append([one.listener._intake.folder.path_of(row.object.sha256).exists() for row in rows])

    association.bind(evt.EVT_DATA_RECV, look)  # the first bytes of the answer
    assert association.send_c_store(sent).Status == 0
    association.unbind(evt.EVT_DATA_RECV, look)
    association.release()

    assert seen[0] == [True]


def test_same_object_again_is_counted_and_kept_once(listening, dcmtk, make_ct, tmp_path):
    one = listening()
    sent = make_ct(tmp_path / "ct", 1)

    for _ in range(3):
        dcmtk("storescu", "-aec", "TRIVIUM", "127.0.0.1", one.port, *sent)

    [kept] = one.index.objects_of(dcmread(sent[0]).StudyInstanceUID)
    assert (kept.times, kept.is_conflict) == (3, False)
    assert (one.listener.status().objects, one.listener.status().duplicates) == (1, 2)
    assert len(one.files()) == 1


def test_same_identifier_with_other_content_is_kept_too_and_both_are_flagged(listening, dcmtk, make_ct, tmp_path):
    one = listening()
    [first] = make_ct(tmp_path / "ct", 1)
    other = dcmread(first)
    other.PatientName = "Somebody^Else"
    other.save_as(tmp_path / "other.dcm")

    dcmtk("storescu", "-aec", "TRIVIUM", "127.0.0.1", one.port, first, tmp_path / "other.dcm")

    kept = one.index.objects_of(other.StudyInstanceUID)
    assert [each.is_conflict for each in kept] == [True, True]
    assert one.listener.status().conflicts == 1
    names = {str(dcmread(path).PatientName) for path in one.files()}
    assert names == {"Waldmeister^Edeltraud", "Somebody^Else"}


@pytest.mark.parametrize(
    ("tool", "options", "propose"),
    [
        ("dcmcjpeg", ["+e1"], "-xs"),
        ("dcmcjpeg", ["+eb", "+cl"], "-xy"),
        ("dcmcjpls", [], "-xt"),
        ("dcmcrle", [], "-xr"),
        ("dcmconv", ["+te"], "-xe"),
        ("dcmconv", ["+tb"], "-xb"),
        ("dcmconv", ["+ti"], "-xi"),
        ("gdcmconv", ["--j2k"], "-xv"),
    ],
    ids=["jpeg-lossless", "jpeg-baseline", "jpeg-ls", "rle", "explicit", "big-endian", "implicit", "jpeg-2000"],
)
def test_every_usual_encoding_is_taken_as_it_is(listening, dcmtk, make_ct, tmp_path, tool, options, propose):
    [plain] = make_ct(tmp_path / "ct", 1)
    if options == ["+eb", "+cl"]:
        plain = Path(get_testdata_file("SC_rgb_small_odd.dcm"))
        options = ["+eb"]
    if tool == "gdcmconv" and shutil.which(tool) is None:
        pytest.skip("gdcmconv is not installed: apt install libgdcm-tools")
    dcmtk(tool, *options, plain, tmp_path / "sent.dcm")
    one = listening()

    dcmtk("storescu", propose, "-aec", "TRIVIUM", "127.0.0.1", one.port, tmp_path / "sent.dcm")

    [kept] = one.files()
    sent, got = dcmread(tmp_path / "sent.dcm"), dcmread(kept)
    assert got.file_meta.TransferSyntaxUID == sent.file_meta.TransferSyntaxUID
    assert got.PixelData == sent.PixelData


def test_deflated_is_not_negotiated(listening, dcmtk, make_ct, tmp_path):
    one = listening()
    dcmtk("dcmconv", "+td", make_ct(tmp_path / "ct", 1)[0], tmp_path / "deflated.dcm")

    done = dcmtk("storescu", "-xd", "-R", "-aec", "TRIVIUM", "127.0.0.1", one.port, tmp_path / "deflated.dcm", check=False)

    assert done.returncode != 0 or one.index.objects_of(dcmread(tmp_path / "deflated.dcm").StudyInstanceUID) != []
    assert all(not dcmread(path).file_meta.TransferSyntaxUID.is_deflated for path in one.files())


def test_only_titles_on_the_list_may_send_and_only_to_ours(listening):
    one = listening(callers=["CT1"])

    assert associate(one.port, "CT1").is_established
    assert associate(one.port, "STRANGER").is_rejected
    assert associate(one.port, "CT1", called="OTHER").is_rejected
    one.until(lambda: one.listener.status().rejected == 2)


def test_called_title_can_be_left_unchecked(listening):
    assert associate(listening(check_called=False).port, called="OTHER").is_established


def test_eight_send_at_once_the_ninth_is_rejected_and_then_there_is_room_again(listening, make_ct, tmp_path):
    one = listening()
    sent = [[dcmread(path) for path in make_ct(tmp_path / f"ct{number}", 4, seed=number)] for number in range(8)]
    open_ones = [associate(one.port) for _ in range(8)]
    assert all(each.is_established for each in open_ones)

    ninth = associate(one.port)
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda a=a, s=s: statuses.extend(a.send_c_store(x).Status for x in s))
        for a, s in zip(open_ones, sent, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert (ninth.is_established, ninth.is_rejected) == (False, True)
    assert statuses == [0] * 32
    assert one.listener.status().associations == 8
    open_ones[0].release()
    tenth = associate(one.port)
    assert tenth.is_established
    for each in (*open_ones[1:], tenth):
        each.release()
    one.until(lambda: one.listener.status().associations == 0)


def test_study_waits_while_its_association_is_open(listening, make_ct, tmp_path):
    one = listening(quiet_s=0.1, quiet_open_s=5.0)
    first, second = (dcmread(path) for path in make_ct(tmp_path / "ct", 2))
    association = associate(one.port)

    assert association.send_c_store(first).Status == 0
    with pytest.raises(Exception):  # noqa: B017, PT011  queue.Empty: nothing comes meanwhile
        one.studies.get(timeout=0.6)
    assert association.send_c_store(second).Status == 0
    association.release()

    assert len(one.studies.get(timeout=TIMEOUT_S)[1]) == 2


def test_late_objects_hand_the_whole_study_on_again(listening, dcmtk, make_ct, tmp_path):
    one = listening()
    study = generate_uid()
    dcmtk("storescu", "-aec", "TRIVIUM", "127.0.0.1", one.port, *make_ct(tmp_path / "early", 2, study=study))
    assert len(one.studies.get(timeout=TIMEOUT_S)[1]) == 2

    dcmtk("storescu", "-aec", "TRIVIUM", "127.0.0.1", one.port, *make_ct(tmp_path / "late", 1, study=study))

    assert len(one.studies.get(timeout=TIMEOUT_S)[1]) == 3


def test_draft_that_fails_names_nobody_and_is_tried_again_at_the_next_start(listening, dcmtk, make_ct, tmp_path, caplog):
    one = listening()

    def fail(_uid, paths):
        raise ValueError(f"cannot draft {dcmread(paths[0]).PatientName}")

    one.on_study = fail
    dcmtk("storescu", "-aec", "TRIVIUM", "127.0.0.1", one.port, *make_ct(tmp_path / "ct", 1))
    one.until(lambda: one.listener.status().failed == 1)
    assert "Waldmeister" not in caplog.text

    one.listener.stop()
    one.on_study = lambda uid, paths: one.studies.put((uid, paths))
    one.listener.start()

    assert len(one.studies.get(timeout=TIMEOUT_S)[1]) == 1


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
def test_no_log_names_the_patient(listening, dcmtk, make_ct, tmp_path, caplog):
    caplog.set_level("DEBUG")
    one = listening()
    sent = make_ct(tmp_path / "ct", 1)
    broken = dcmread(sent[0])
    broken.StudyInstanceUID = "Waldmeister"
    broken.save_as(tmp_path / "broken.dcm")

    dcmtk("storescu", "-aec", "TRIVIUM", "127.0.0.1", one.port, *sent)
    dcmtk("storescu", "-aec", "TRIVIUM", "127.0.0.1", one.port, tmp_path / "broken.dcm", check=False)

    one.until(lambda: one.listener.status().refused == 1)
    assert "Waldmeister" not in caplog.text
    assert "PATIENT-4711" not in caplog.text


def test_port_that_is_taken_is_said_in_one_line(listening, tmp_path):
    port = listening().port

    with pytest.raises(ConfigError, match=rf"cannot listen at 127.0.0.1:{port}: .*choose another") as caught:
        listening(port=port)

    assert "\n" not in str(caught.value)


def test_listens_at_loopback_unless_told_otherwise(listening):
    one = listening()
    found = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=False).stdout.split()
    if not found:
        pytest.skip("this machine has no address but loopback")

    entity = AE()
    entity.connection_timeout = 2
    entity.add_requested_context(Verification)
    assert not entity.associate(found[0], one.port, ae_title="TRIVIUM").is_established
