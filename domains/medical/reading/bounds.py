"""How much of a hostile file is read, unpacked, decoded or kept, at most."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20
GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is refused beyond. The defaults let every ordinary study through.

    Attributes:
        files: in one place.
        file_bytes: of one file.
        value_bytes: of one element of a header, and of one read.
        header_bytes: of one header; what is skipped is not counted.
        header_reads: of one file; bounds the time a header of countless small elements takes.
        inflated_bytes: what one deflated data set grows to.
        archive_entries: files in one ZIP.
        archive_bytes: what one ZIP grows to.
        archive_ratio: how many times its size one ZIP grows to.
        archive_free_bytes: below this a ZIP may grow by any ratio; blank pictures shrink well.
        frames: of one file.
        frame_bytes: of one decoded frame.
        decoded_bytes: of all frames that are asked for at once.
        volume_bytes: of a volume as float32; beyond it, slices are left out evenly.
    """

    files: int = 100_000
    file_bytes: int = 4 * GIB
    value_bytes: int = 64 * MIB
    header_bytes: int = 128 * MIB
    header_reads: int = 600_000
    inflated_bytes: int = 512 * MIB
    archive_entries: int = 20_000
    archive_bytes: int = 16 * GIB
    archive_ratio: int = 100
    archive_free_bytes: int = 16 * MIB
    frames: int = 65_536
    frame_bytes: int = 256 * MIB
    decoded_bytes: int = 512 * MIB
    volume_bytes: int = GIB


DEFAULT_BOUNDS = Bounds()
