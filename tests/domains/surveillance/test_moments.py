"""The recent past of a camera is bounded, and a window of it becomes a sample with what was there."""

from __future__ import annotations

import numpy as np

from core.samples import Audio, Modality, Text, Video
from domains.surveillance.moments import PICTURES_PER_S, Recent, region_of_interest, shrink
from domains.surveillance.scene import Actor, Hearing, Motion, Posture, Scene, Track
from domains.surveillance.stream import SOUND_RATE_HZ, CameraFrame, SoundBlock


def frame(time_s: float, size: tuple[int, int] = (360, 640)) -> CameraFrame:
    picture = np.full((*size, 3), int(time_s * 10) % 255, np.uint8)
    return CameraFrame("hall", 0, time_s, None, picture[..., 0], lambda: picture)


def scene(time_s: float, *actors: Actor) -> Scene:
    return Scene("hall", time_s, 1000.0 + time_s, Motion(time_s, 0.1, True, np.empty((0, 4), np.float32)), actors)


def person(number: int, box: tuple[float, float, float, float], posture: Posture = Posture.UPRIGHT) -> Actor:
    return Actor(Track(number, "person", np.array(box, np.float32), 0.8, 0.0, 1.0), posture=posture)


def test_pictures_are_thinned_and_old_ones_forgotten() -> None:
    recent = Recent("hall", span_s=6.0)
    for index in range(300):  # 30 s at 10 frames a second
        recent.see(frame(index / 10), scene(index / 10))

    sample = recent.sample(29.9, 6.0)

    assert sample is not None
    video = sample.of(Modality.VIDEO)[0].payload
    assert isinstance(video, Video)
    assert 6.0 * PICTURES_PER_S * 0.75 <= len(video.frames) <= 6.0 * PICTURES_PER_S + 1
    assert video.times_s.min() > 23.8
    assert len(recent.scenes) <= 62


def test_sound_of_a_window_lies_where_it_was_heard() -> None:
    recent = Recent("hall", span_s=10.0)
    recent.listen(SoundBlock("hall", 2.0, None, np.full(SOUND_RATE_HZ, 0.5, np.float32)))

    waveform = recent.waveform(1.0, 4.0)

    assert waveform.shape == (3 * SOUND_RATE_HZ,)
    assert not waveform[:SOUND_RATE_HZ].any()
    assert (waveform[SOUND_RATE_HZ : 2 * SOUND_RATE_HZ] == 0.5).all()
    assert not waveform[2 * SOUND_RATE_HZ :].any()
    assert recent.waveform(5.0, 6.0).size == 0


def test_a_silent_camera_gives_a_sample_without_sound() -> None:
    recent = Recent("hall", span_s=6.0)
    recent.see(frame(1.0), scene(1.0))
    recent.listen(SoundBlock("hall", 0.5, None, np.zeros(SOUND_RATE_HZ, np.float32)))

    sample = recent.sample(1.0, 4.0)

    assert sample is not None
    assert sample.modalities == {Modality.VIDEO, Modality.TEXT}
    assert sample.of(Modality.TEXT)[0].wall_start_s == 1000.0 - 3.0


def test_a_camera_that_only_listens_gives_sound_and_sentences() -> None:
    recent = Recent("hall", span_s=6.0)
    recent.listen(SoundBlock("hall", 0.0, None, np.full(SOUND_RATE_HZ, 0.1, np.float32)))
    recent.hear(Hearing("hall", 0.0, 1.0, None, -20.0, {"dog": 0.9}))

    sample = recent.sample(1.0, 4.0)

    assert sample is not None
    assert sample.modalities == {Modality.AUDIO, Modality.TEXT}
    assert isinstance(sample.of(Modality.AUDIO)[0].payload, Audio)
    text = sample.of(Modality.TEXT)[0].payload
    assert isinstance(text, Text)
    assert "dog" in " ".join(text.sentences)


def test_nothing_remembered_is_no_sample() -> None:
    assert Recent("hall", span_s=6.0).sample(3.0, 4.0) is None


def test_a_camera_that_changes_its_size_keeps_the_newest() -> None:
    recent = Recent("hall", span_s=6.0)
    recent.see(frame(1.0, (360, 640)), scene(1.0))
    recent.see(frame(2.0, (300, 300)), scene(2.0))

    sample = recent.sample(2.0, 4.0)

    assert sample is not None
    video = sample.of(Modality.VIDEO)[0].payload
    assert isinstance(video, Video)
    assert [f.shape for f in video.frames] == [(300, 300, 3)]


def test_a_lying_person_stands_out_before_a_larger_one() -> None:
    lying = person(1, (0.1, 0.8, 0.3, 0.9), Posture.LYING)
    large = person(2, (0.4, 0.0, 0.9, 1.0))

    x1, y1, x2, y2 = region_of_interest(scene(0.0, large, lying))

    assert x1 <= 0.1 < 0.3 <= x2
    assert y1 <= 0.8 < 0.9 <= y2
    assert x2 < 0.4
    assert region_of_interest(scene(0.0)) == (0.0, 0.0, 1.0, 1.0)


def test_a_picture_is_shrunk_and_turned_to_rgb() -> None:
    blue = np.zeros((720, 1280, 3), np.uint8)
    blue[..., 0] = 255

    small = shrink(blue)

    assert small.shape == (180, 320, 3)
    assert small[0, 0].tolist() == [0, 0, 255]
    assert shrink(np.zeros((1, 1, 3), np.uint8)).shape == (1, 1, 3)
