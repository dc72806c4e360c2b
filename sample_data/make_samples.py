"""Make the sample films and sounds again from the public data sets.

    TRIVIUM_DATA=/path/to/data python sample_data/make_samples.py

It needs ffmpeg and the face finder's weights (`trivium models pull centerface`). NOTICE.md says who made what, under which
licence, and what is changed here.
"""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from domains.surveillance.privacy import FaceBlur

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("TRIVIUM_DATA", HERE.parent.parent / "shared" / "data"))
INTEL = DATA / "surveillance" / "intel_sample_videos"
FALLS = DATA / "surveillance" / "gmdcsa24_fall"
ESC10 = DATA / "audio" / "esc10"

FACE_HOLD_S = 0.8  # a face found at one moment is also hidden this long before and after: a finder misses some frames
FACE_MARGIN = 0.35
FACE_TILES = 6
FACE_TILE_PX = 16  # of a large box

Boxes = tuple[tuple[float, float, float, float], ...]


@dataclass(frozen=True, slots=True)
class MadeSound:
    """A sound laid under a film that had none.

    Attributes:
        clip: of ESC-10.
        at_s: when it begins in the film.
    """

    clip: str
    at_s: float


LOBBY_END_S = 45.2
LOBBY_SOUNDS = (MadeSound("4-191687-A", 14.0), MadeSound("3-151080-A", 33.0))
FALL_CLIPS = {
    "fall-forward.mp4": "subject4/fall/03.mp4",
    "fall-backward.mp4": "subject2/fall/12.mp4",
    "sitting-down.mp4": "subject3/adl/18.mp4",
}
# Where the finder misses a face that lies upside down: from and until second, and the box in pixels, found by eye.
FACES_BY_HAND = {
    "subject2/fall/12.mp4": (
        (7.4, 8.0, (220.0, 190.0, 320.0, 300.0)),
        (7.9, 8.3, (110.0, 340.0, 230.0, 440.0)),
        (8.0, 9.2, (0.0, 390.0, 150.0, 480.0)),
        (9.0, 99.0, (10.0, 420.0, 115.0, 480.0)),
    ),
}
SOUND_CLIPS = {
    "dog.ogg": "5-203128-A",
    "crying-baby.ogg": "5-151085-A",
}
OTHER_SOUNDS = ("rain", "sea_waves", "clock_tick", "sneezing", "helicopter", "chainsaw", "rooster", "crackling_fire")


def make_lobby() -> None:
    """The first two visits, pictures unchanged; under them faint noise and two sounds at stated times."""
    inputs: list[str] = []
    chains = [f"anoisesrc=color=pink:amplitude=0.002:sample_rate=44100:seed=1:duration={LOBBY_END_S}[room]"]
    for index, sound in enumerate(LOBBY_SOUNDS):
        inputs += ["-i", str(ESC10 / "audio" / f"{sound.clip}.ogg")]
        chains.append(f"[{index + 1}:a]adelay={round(sound.at_s * 1000)}:all=1[s{index}]")
    names = "".join(f"[s{index}]" for index in range(len(LOBBY_SOUNDS)))
    chains.append(f"[room]{names}amix=inputs={len(LOBBY_SOUNDS) + 1}:duration=first:normalize=0,alimiter=limit=0.9[sound]")
    film = str(INTEL / "one-by-one-person-detection.mp4")
    _ffmpeg(
        *("-i", film, *inputs, "-filter_complex", ";".join(chains), "-map", "0:v", "-map", "[sound]"),
        *("-c:v", "copy", "-c:a", "aac", "-b:a", "64k", "-t", str(LOBBY_END_S), "-movflags", "+faststart"),
        str(HERE / "surveillance" / "lobby.mp4"),
    )


def make_fall(target: str, source: str) -> None:
    """One clip with its faces made of flat tiles; every frame's time and the sound are kept."""
    finder = FaceBlur(threads=2)
    pictures, times = [], []
    with av.open(str(FALLS / source)) as film:
        for frame in film.decode(video=0):
            pictures.append(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8))
            times.append(float(frame.time or 0.0))
    found = [tuple(map(tuple, finder.find(picture)[:, :4].tolist())) for picture in pictures]
    with av.open(str(FALLS / source)) as film, av.open(str(HERE / "surveillance" / target), "w", options={"movflags": "+faststart"}) as out:
        picture_in, sound_in = film.streams.video[0], film.streams.audio[0]
        picture_out = out.add_stream("libx264", rate=picture_in.average_rate, options={"crf": "26", "preset": "slow"})
        picture_out.width, picture_out.height, picture_out.pix_fmt = picture_in.width, picture_in.height, "yuv420p"
        picture_out.time_base = picture_out.codec_context.time_base = Fraction(1, 15360)
        sound_out = out.add_stream_from_template(sound_in)
        for picture, time_s in zip(pictures, times, strict=True):
            near = [boxes for boxes, other_s in zip(found, times, strict=True) if abs(other_s - time_s) <= FACE_HOLD_S]
            by_hand = tuple(box for since_s, until_s, box in FACES_BY_HAND.get(source, ()) if since_s <= time_s <= until_s)
            boxes = (*(box for boxes in near for box in boxes), *by_hand)
            frame = av.VideoFrame.from_ndarray(hide(picture, boxes), format="bgr24")
            frame.pts, frame.time_base = round(time_s * 15360), Fraction(1, 15360)
            out.mux(picture_out.encode(frame))
        out.mux(picture_out.encode(None))
        for packet in film.demux(sound_in):
            if packet.dts is not None:
                packet.stream = sound_out
                out.mux(packet)
    hidden = sum(1 for boxes in found if boxes)
    print(f"{target}: faces found in {hidden} of {len(pictures)} frames, hidden for {FACE_HOLD_S} s around each")


def hide(picture: np.ndarray, boxes: Boxes) -> np.ndarray:
    """A copy in which each box, and a margin around it, is made of flat tiles."""
    out = picture.copy()
    height, width = picture.shape[:2]
    for x1, y1, x2, y2 in boxes:
        dx, dy = (x2 - x1) * FACE_MARGIN, (y2 - y1) * FACE_MARGIN
        left, top, right, bottom = max(0, int(x1 - dx)), max(0, int(y1 - dy)), min(width, int(x2 + dx)), min(height, int(y2 + dy))
        part = picture[top:bottom, left:right]
        if part.size:
            count = tuple(max(FACE_TILES, side // FACE_TILE_PX) for side in part.shape[1::-1])
            tiles = cv2.resize(part, count, interpolation=cv2.INTER_AREA)
            out[top:bottom, left:right] = cv2.resize(tiles, part.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    return out


def make_sounds() -> None:
    """One CC0 clip of each class, bytes unchanged; of the rest the last fold's loudest."""
    with (ESC10 / "meta.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["licence"] == "CC0" and row["fold"] == "5"]
    chosen = dict(SOUND_CLIPS)
    for label in OTHER_SOUNDS:
        best = max(
            (row for row in rows if row["label"] == label), key=lambda row: (float(row["trailing_silence_s"]) < 0.5, float(row["rms"]))
        )
        chosen[f"{label.replace('_', '-')}.ogg"] = Path(best["filename"]).stem
    by_clip = {Path(row["filename"]).stem: row for row in rows}
    for target, clip in chosen.items():
        shutil.copyfile(ESC10 / "audio" / f"{clip}.ogg", HERE / "sounds" / target)
        row = by_clip[clip]
        print(f"| `sounds/{target}` | {row['author']} | {row['source_title']} | {row['source_url']} | {clip} |")


def _ffmpeg(*words: str) -> None:
    subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", "-y", *words], check=True)


def main() -> int:
    """Make everything."""
    if not DATA.is_dir():
        print(f"the public data sets are not at {DATA}; set TRIVIUM_DATA", file=sys.stderr)
        return 2
    for folder in ("surveillance", "sounds", "licences"):
        (HERE / folder).mkdir(exist_ok=True)
    make_lobby()
    shutil.copyfile(INTEL / "bottle-detection.mp4", HERE / "surveillance" / "bottles.mp4")
    for target, source in FALL_CLIPS.items():
        make_fall(target, source)
    make_sounds()
    shutil.copyfile(FALLS / "LICENSE", HERE / "licences" / "GMDCSA24-MIT.txt")
    shutil.copyfile(INTEL / "LICENSE", HERE / "licences" / "CC-BY-4.0.txt")
    return 0


if __name__ == "__main__":
    sys.exit(main())
