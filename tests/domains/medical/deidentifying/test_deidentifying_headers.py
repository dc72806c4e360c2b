"""Headers after de-identification, element by element."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage

from core.errors import InputError
from domains.medical.deidentifying.headers import Cleaning, clean_header, table
from domains.medical.deidentifying.identifiers import gather
from domains.medical.deidentifying.keys import Keys

KEYS = Keys(b"0123456789abcdef")


def cleaned(data: Dataset, shift: timedelta | None = None) -> Dataset:
    clean_header(data, Cleaning(KEYS, gather(data), shift))
    return data


def dataset(**elements: object) -> Dataset:
    data = Dataset()
    for keyword, value in elements.items():
        setattr(data, keyword, value)
    return data


def test_the_table_is_the_newest_that_the_library_has() -> None:
    from pathlib import Path

    import dicomanonymizer

    databases = Path(dicomanonymizer.__file__).parent / "dicom_anonymization_databases"
    assert sorted(p.stem for p in databases.glob("dicomfields_*.py"))[-1] == "dicomfields_2026c"
    assert table()[0x0010, 0x0010] == "empty"
    assert len(table()) > 600


def test_what_a_picture_needs_is_kept() -> None:
    kept = {
        "SOPClassUID": CTImageStorage,
        "Modality": "CT",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "PixelSpacing": [0.5, 0.5],
        "ImagePositionPatient": [0, 1, 2],
        "RescaleSlope": 1,
        "WindowCenter": 40,
        "BodyPartExamined": "CHEST",
        "ViewPosition": "PA",
        "Manufacturer": "ACME",
        "Rows": 2,
        "InstanceNumber": 7,
    }

    data = cleaned(dataset(PatientName="Doe^Jane", PatientID="100", **kept))

    assert {k: data[k].value for k in kept} == kept
    assert str(data.PatientName) == ""


def test_codes_of_the_standard_are_kept_and_words_beside_them_are_not() -> None:
    def code(scheme: str, value: str) -> Dataset:
        return dataset(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning="Doe Jane's chest")

    data = cleaned(dataset(AnatomicRegionSequence=Sequence([code("SCT", "51185008"), code("99DOE", "12345"), code("SCT", "DOE1234")])))

    items = data.AnatomicRegionSequence
    assert [i.get("CodeValue") for i in items] == ["51185008", None]
    assert [i.get("CodeMeaning") for i in items] == ["51185008", None]
    assert [i.get("CodingSchemeDesignator") for i in items] == ["SCT", "SCT"]


def test_copies_of_the_name_and_number_are_found_where_texts_may_stay() -> None:
    data = cleaned(
        dataset(
            PatientName="Kowalska^Anna",
            PatientID="MRN-778899",
            Manufacturer="ACME for Kowalska",
            ManufacturerModelName="mrn 778899",
            BodyPartExamined="ANNA",
            SoftwareVersions="1.0",
        )
    )

    assert (data.Manufacturer, data.ManufacturerModelName, data.BodyPartExamined, data.SoftwareVersions) == ("", "", "", "1.0")


def test_private_unknown_overlay_curve_and_bulk_elements_go_at_every_level() -> None:
    def filled(depth: int) -> Dataset:
        data = dataset(Modality="CT", PixelSpacing=[1, 1])
        block = data.private_block(0x0011, "X", create=True)
        block.add_new(1, "LO", "secret")
        for tag, kind in ((0x60003000, "OW"), (0x50003000, "OW"), (0x00091010, "LO"), (0x00FE1234, "OB"), (0xFFFCFFFC, "OB")):
            data.add(DataElement(tag, kind, b"se" if kind != "LO" else "se"))
        if depth:
            data.SharedFunctionalGroupsSequence = Sequence([filled(depth - 1)])
        return data

    data = cleaned(filled(4))

    for _ in range(5):
        assert {e.keyword for e in data} <= {"Modality", "PixelSpacing", "SharedFunctionalGroupsSequence"}
        data = data.SharedFunctionalGroupsSequence[0] if "SharedFunctionalGroupsSequence" in data else data


def test_uids_are_mapped_the_same_everywhere_and_those_of_the_standard_stay() -> None:
    reference = dataset(ReferencedSOPClassUID=CTImageStorage, ReferencedSOPInstanceUID="1.2.3")

    data = cleaned(
        dataset(
            SOPInstanceUID="1.2.3",
            FrameOfReferenceUID="1.2.4",
            IrradiationEventUID=["1.2.3", "1.2.5"],
            SourceImageSequence=Sequence([reference]),
        )
    )

    assert data.SOPInstanceUID == data.SourceImageSequence[0].ReferencedSOPInstanceUID == KEYS.uid("1.2.3")
    assert data.SourceImageSequence[0].ReferencedSOPClassUID == CTImageStorage
    assert list(data.IrradiationEventUID) == [KEYS.uid("1.2.3"), KEYS.uid("1.2.5")]


def test_dates_are_removed_or_moved_together() -> None:
    def dated() -> Dataset:
        return dataset(
            StudyDate="20240305",
            StudyTime="101112",
            AcquisitionDateTime="20240305101112.5+0100",
            PatientBirthDate="19580304",
            DateOfLastCalibration="20240101",
            ContentDate="Doe^Jane",
            SeriesDate="20240306",
        )

    removed, moved = cleaned(dated()), cleaned(dated(), timedelta(days=-10))

    assert not any("2024" in str(e.value) or "1958" in str(e.value) for e in removed)
    assert (moved.StudyDate, moved.StudyTime, moved.SeriesDate) == ("20240224", "101112", "20240225")
    assert moved.AcquisitionDateTime == "20240224101112.5"
    assert moved.PatientBirthDate == ""
    assert "DateOfLastCalibration" not in moved
    assert moved.ContentDate == ""


def test_numbers_that_are_words_go() -> None:
    data = Dataset()
    data.add(DataElement(0x00180050, "DS", "1.5"))
    data._dict[0x00180088] = DataElement(0x00180088, "LO", "DOE JANE")  # a spacing that is text

    cleaned(data)

    assert data.SliceThickness == 1.5
    assert data.get("SpacingBetweenSlices") in (None, "")


def test_endless_nesting_is_refused() -> None:
    data = dataset(Modality="CT")
    for _ in range(40):
        data = dataset(SharedFunctionalGroupsSequence=Sequence([data]))

    with pytest.raises(InputError):
        cleaned(data)


TEXTS = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=6, max_size=12)


@given(TEXTS, st.lists(st.sampled_from([t for t in table() if t[0] != 2]), min_size=1, max_size=12))
def test_no_text_in_any_element_of_the_table_survives(secret: str, tags: list[tuple[int, int]]) -> None:
    data = dataset(PatientID=secret)
    for tag in tags:
        data.add(DataElement(tag, "LO", secret))
    nested = dataset(SharedFunctionalGroupsSequence=Sequence([data.copy()]))

    cleaned(nested)
    cleaned(data)

    assert secret not in str(nested)
    assert secret not in str(data)
