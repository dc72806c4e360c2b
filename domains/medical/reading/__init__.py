"""Reading: a place becomes studies, and their pixels become pictures and volumes.

    with TemporaryDirectory() as scratch, Decoder() as decoder:
        for study in read_study("ct/", scratch=Path(scratch)):
            for image in key_images(study, decoder).images:
                print(image.name)

`read_study` reads headers only. `Decoder` reads pixels, compressed ones in a process of their own. What is hostile or damaged costs
the file that is: it becomes a notice of its study. No notice, error or log of this room quotes a value or a path.
"""

from domains.medical.reading.bounds import DEFAULT_BOUNDS, Bounds
from domains.medical.reading.decoder import Decoder
from domains.medical.reading.decoding import Pixels
from domains.medical.reading.display import Shown, show, shrink, to_units
from domains.medical.reading.geometry import frame_data, normal_of, plane_of
from domains.medical.reading.header import Header, read_header
from domains.medical.reading.key_images import KeyImages, key_images
from domains.medical.reading.pictures import PictureDetails
from domains.medical.reading.quiet import silence_pydicom
from domains.medical.reading.studies import read_study
from domains.medical.reading.volume import is_volume, read_volume
from domains.medical.reading.windows import PRESETS, Window, windows_for

__all__ = [
    "DEFAULT_BOUNDS",
    "PRESETS",
    "Bounds",
    "Decoder",
    "Header",
    "KeyImages",
    "PictureDetails",
    "Pixels",
    "Shown",
    "Window",
    "frame_data",
    "is_volume",
    "key_images",
    "normal_of",
    "plane_of",
    "read_header",
    "read_study",
    "read_volume",
    "show",
    "shrink",
    "silence_pydicom",
    "to_units",
    "windows_for",
]

silence_pydicom()
