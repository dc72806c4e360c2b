"""Windows, tables, colours and padding, on values small enough to check by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from core.errors import InputError
from domains.medical.reading import PRESETS, show, shrink, to_units, windows_for


def header(**elements: Any) -> Dataset:
    data = Dataset()
    data.file_meta = Dataset()  # type: ignore[assignment]
    for keyword, value in elements.items():
        setattr(data, keyword, value)
    return data


def table(descriptor: list[int], entries: list[int]) -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", "US" if descriptor[1] >= 0 else "SS", descriptor)
    item.add_new("LUTData", "US", entries)
    return item


def grey(values: list[int], data: Dataset, photometric: str = "MONOCHROME2", window: tuple[float, float] | None = None) -> list[int]:
    shown = show(np.array([values], np.int16), data, photometric, window)
    assert shown.rgb.shape == (1, len(values), 3)
    return [int(v) for v in shown.rgb[0, :, 0]]


def test_a_linear_window_is_that_of_the_standard() -> None:
    # PS3.3 C.11.2.1.2.1: centre 50, width 101: black at 0 or less, white above 100
    assert grey([-10, 0, 50, 100, 200], header(WindowCenter=50.5, WindowWidth=101)) == [0, 0, 128, 255, 255]


def test_the_kinds_of_windows_differ() -> None:
    exact = grey([0, 50, 100], header(WindowCenter=50, WindowWidth=100, VOILUTFunction="LINEAR_EXACT"))
    sigmoid = grey([0, 50, 100], header(WindowCenter=50, WindowWidth=100, VOILUTFunction="SIGMOID"))
    assert exact == [0, 128, 255]
    assert sigmoid == [30, 128, 225]  # 255 / (1 + exp(2)), half, 255 / (1 + exp(-2))


def test_an_exact_window_may_be_narrower_than_one() -> None:
    assert grey([0, 1], header(WindowCenter=0.5, WindowWidth=0.5, VOILUTFunction="LINEAR_EXACT")) == [0, 255]


def test_the_first_of_several_windows_is_used() -> None:
    shown = show(np.array([[0, 100]], np.int16), header(WindowCenter=[50, 9], WindowWidth=[100, 9]), "MONOCHROME2")
    assert shown.window == (50.0, 100.0)


def test_monochrome1_is_dark_where_it_is_high() -> None:
    assert grey([0, 50, 100], header(), "MONOCHROME1") == [255, 128, 0]


def test_without_a_window_all_values_are_shown_but_padding() -> None:
    assert grey([-2000, 0, 100], header(PixelPaddingValue=-2000)) == [0, 0, 255]
    assert grey([-2000, 0, 100], header(PixelPaddingValue=-2000), "MONOCHROME1") == [0, 255, 0]


def test_pixels_that_are_all_alike_are_black() -> None:
    assert grey([7, 7], header()) == [0, 0]


def test_rescaling_gives_hounsfield_units() -> None:
    units, notices = to_units(np.array([[0, 1024]], np.uint16), header(RescaleSlope=1, RescaleIntercept=-1024))
    assert units.tolist() == [[-1024.0, 0.0]]
    assert not notices


@pytest.mark.parametrize("elements", [{"RescaleSlope": 0, "RescaleIntercept": 5}, {"RescaleSlope": 2}, {"RescaleIntercept": 5}])
def test_a_slope_that_is_none_leaves_values_as_stored(elements: dict[str, float]) -> None:
    units, notices = to_units(np.array([[3, 9]], np.int16), header(**elements))
    assert units.tolist() == [[3, 9]]
    assert len(notices) == 1


def test_a_modality_table_maps_and_holds_at_its_ends() -> None:
    data = header(ModalityLUTSequence=[table([3, 10, 16], [100, 200, 300])])
    units, _ = to_units(np.array([[-5, 10, 11, 12, 30_000]], np.int16), data)
    assert units.tolist() == [[100, 100, 200, 300, 300]]


def test_a_voi_table_of_8_bits_holds_at_its_ends_for_16_bit_values() -> None:
    # pydicom alone would wrap 300 round to 44
    data = header(VOILUTSequence=[table([3, 0, 8], [0, 128, 255])])
    assert grey([-5, 0, 1, 2, 300], data) == [0, 0, 128, 255, 255]


@pytest.mark.parametrize("descriptor", [[3, 0, 77], [9, 0, 16], [0, 0, 16]])
def test_a_damaged_table_is_left_out_and_noticed(descriptor: list[int]) -> None:
    shown = show(np.array([[0, 100]], np.int16), header(VOILUTSequence=[table(descriptor, [1, 2, 3])]), "MONOCHROME2")
    assert shown.notices == ("a VOI table is damaged and was left out",)
    assert shown.rgb[0, :, 0].tolist() == [0, 255]


def test_a_palette_gives_colours_and_holds_at_its_ends() -> None:
    colours = {f"{c}PaletteColorLookupTableDescriptor": [2, 5, 8] for c in ("Red", "Green", "Blue")}
    data = header(
        **colours,
        RedPaletteColorLookupTableData=b"\x0a\x14",
        GreenPaletteColorLookupTableData=b"\x1e\x28",
        BluePaletteColorLookupTableData=b"\x32\x3c",
    )
    shown = show(np.array([[0, 5, 6, 9000]], np.uint16), data, "PALETTE COLOR")
    assert shown.rgb.tolist() == [[[10, 30, 50], [10, 30, 50], [20, 40, 60], [20, 40, 60]]]


def test_a_palette_that_expands_without_end_is_refused() -> None:
    data = header(**{f"{c}PaletteColorLookupTableDescriptor": [0, 0, 16] for c in ("Red", "Green", "Blue")})
    for colour in ("Red", "Green", "Blue"):
        setattr(data, f"Segmented{colour}PaletteColorLookupTableData", b"\x01\x00\xff\xff\x00\x00" * 5000)
    with pytest.raises(InputError, match="expands past"):
        show(np.zeros((2, 2), np.uint16), data, "PALETTE COLOR")


def test_a_missing_palette_is_one_line() -> None:
    with pytest.raises(InputError, match="colour table"):
        show(np.zeros((2, 2), np.uint8), header(), "PALETTE COLOR")


def test_colour_of_16_bits_is_shown_by_its_upper_8() -> None:
    shown = show(np.array([[[0, 32768, 65535]]], np.uint16), header(BitsStored=16), "RGB")
    assert shown.rgb.tolist() == [[[0, 128, 255]]]


def test_a_wanted_window_goes_before_the_files_own() -> None:
    data = header(WindowCenter=0, WindowWidth=1, RescaleSlope=1, RescaleIntercept=0)
    assert grey([-2000, -600, 150], data, window=PRESETS["lung"]) == [0, 128, 255]


@pytest.mark.parametrize(
    ("part", "first"),
    [("chest", "lung"), ("thorax^routine", "lung"), ("head", "brain"), ("abdomen", "soft tissue"), ("knee", "bone"), ("", "soft tissue")],
)
def test_windows_follow_the_body_part(part: str, first: str) -> None:
    assert windows_for(part)[0] == first


def test_shrinking_keeps_the_shape_and_never_enlarges() -> None:
    assert shrink(np.zeros((2000, 1000, 3), np.uint8), 500).shape == (500, 250, 3)
    assert shrink(np.zeros((20, 10, 3), np.uint8), 500).shape == (20, 10, 3)
