"""Made DICOM files, and a decoder that all tests of this room share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, generate_uid

from domains.medical.reading import Decoder

MakeDicom = Callable[..., Path]


@pytest.fixture(scope="session")
def decoder() -> Iterator[Decoder]:
    with Decoder(workers=1) as made:
        yield made


@pytest.fixture
def make_dicom(tmp_path: Path) -> MakeDicom:
    """Write a CT picture of 16 x 16 with the elements given over its own: `make_dicom("a.dcm", PatientID="7", Rows=65535)`.

    An element given as None is left out; `pixels` are the stored values, `preamble` the first 128 bytes, `syntax` the transfer syntax.
    """

    def make(
        name: str,
        *,
        pixels: np.ndarray[Any, Any] | None = None,
        preamble: bytes = bytes(128),
        syntax: UID = ExplicitVRLittleEndian,
        **elements: Any,
    ) -> Path:
        stored = np.arange(256, dtype=np.int16).reshape(16, 16) if pixels is None else pixels
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = syntax
        meta.MediaStorageSOPClassUID = CTImageStorage
        data = FileDataset(None, {}, file_meta=meta, preamble=preamble)  # type: ignore[arg-type]
        defaults: dict[str, Any] = {
            "SOPClassUID": CTImageStorage,
            "SOPInstanceUID": generate_uid(entropy_srcs=[name]),
            "StudyInstanceUID": "1.2.3",
            "SeriesInstanceUID": "1.2.3.4",
            "PatientID": "P1",
            "PatientName": "Family^Given",
            "Modality": "CT",
            "Rows": stored.shape[0],
            "Columns": stored.shape[1],
            "SamplesPerPixel": 1 if stored.ndim == 2 else stored.shape[2],
            "PhotometricInterpretation": "MONOCHROME2" if stored.ndim == 2 else "RGB",
            "BitsAllocated": stored.dtype.itemsize * 8,
            "BitsStored": stored.dtype.itemsize * 8,
            "HighBit": stored.dtype.itemsize * 8 - 1,
            "PixelRepresentation": int(stored.dtype.kind == "i"),
        }
        if stored.ndim == 3:
            defaults["PlanarConfiguration"] = 0
        for keyword, value in (defaults | elements).items():
            if value is not None:
                setattr(data, keyword, value)
        if "PixelData" not in elements:
            data.PixelData = stored.tobytes()
        meta.MediaStorageSOPInstanceUID = data.get("SOPInstanceUID", "1.2")
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data.save_as(path, enforce_file_format=True)
        return path

    return make


@pytest.fixture(scope="session")
def real() -> Callable[[str], Path]:
    """A file of pydicom's own test data, or a skip where pydicom-data is not installed."""

    def find(name: str) -> Path:
        found = get_testdata_file(name, download=False)
        if found is None:
            pytest.skip(f"{name} is not here: pip install pydicom-data")
        return Path(str(found))

    return find
