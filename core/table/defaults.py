"""The encoders that a table is read with where nobody chose others: the packaged ones."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from core.encoders.contract import Encoder
from core.encoders.series import SeriesEncoder
from core.encoders.tabular import TabularEncoder, TabularState, fit_tabular
from core.errors import InputError
from core.samples import Modality
from core.table.values import ColumnKind, Table

MULTILINGUAL = "text:sentences:"  # how the name of its encoder begins
PACKAGED_IMAGE_ENCODER = "efficientnet-lite0"
TextEncoderName = Literal["minilm", "multilingual"]


def default_encoders(
    table: Table,
    *,
    tabular: TabularState | None = None,
    threads: int = 2,
    text: TextEncoderName = "minilm",
    image: str = PACKAGED_IMAGE_ENCODER,
) -> dict[Modality, Encoder]:
    """One encoder for each modality of a table, loaded once.

    Args:
        table: training rows; means, quantiles and categories are fitted on them.
        tabular: what was fitted before, to be used on other rows.
        threads: CPU threads of one call.
        text: which of the packaged encoders reads text.
        image: which encoder reads pictures: the packaged one, a folder, or a hub id.

    Raises:
        ModelError: weights are not here or damaged.
    """
    wanted = table.modalities
    state = (tabular or fit_tabular_state(table)) if Modality.TABULAR in wanted else None
    return encoders_of(wanted, state, threads=threads, text=text, image=image)


def text_encoder_named(encoder: str) -> TextEncoderName:
    """Which of the packaged encoders has this name."""
    return "multilingual" if encoder.startswith(MULTILINGUAL) else "minilm"


def encoders_of(
    wanted: Collection[Modality],
    tabular: TabularState | None = None,
    *,
    threads: int = 2,
    text: TextEncoderName = "minilm",
    image: str = PACKAGED_IMAGE_ENCODER,
) -> dict[Modality, Encoder]:
    """The encoder of each of these modalities, numbers and categories as they were fitted before; films are read by the packaged one.

    Raises:
        ModelError: weights are not here or damaged.
        InputError: a table's numbers are wanted and nothing was fitted.
    """
    found: dict[Modality, Encoder] = {}
    if Modality.TEXT in wanted and text == "multilingual":
        from core.encoders.multilingual import MultilingualTextEncoder

        found[Modality.TEXT] = MultilingualTextEncoder()
    elif Modality.TEXT in wanted:
        from core.encoders.text import TextEncoder

        found[Modality.TEXT] = TextEncoder()
    if Modality.IMAGE in wanted and image != PACKAGED_IMAGE_ENCODER:
        from core.encoders.hub_image import HubImageEncoder

        found[Modality.IMAGE] = HubImageEncoder(image)
    elif Modality.IMAGE in wanted:
        from core.encoders.image import ImageEncoder

        found[Modality.IMAGE] = ImageEncoder(threads=threads)
    if Modality.VIDEO in wanted:
        from core.encoders.image import ImageEncoder
        from core.encoders.video import VideoEncoder

        here = found.get(Modality.IMAGE)
        found[Modality.VIDEO] = VideoEncoder(here if isinstance(here, ImageEncoder) else ImageEncoder(threads=threads))
    if Modality.AUDIO in wanted:
        from core.encoders.audio import AudioEncoder

        found[Modality.AUDIO] = AudioEncoder()
    if Modality.TABULAR in wanted:
        if tabular is None:
            raise InputError("numbers and categories are read as they were fitted on training rows; nothing was fitted")
        found[Modality.TABULAR] = TabularEncoder(tabular)
    if Modality.SERIES in wanted:
        found[Modality.SERIES] = SeriesEncoder()
    return found


def fit_tabular_state(table: Table) -> TabularState:
    """Fit the columns of numbers and categories of training rows.

    Raises:
        InputError: there is none, or too many.
    """
    return fit_tabular(table.rows, table.of(ColumnKind.NUMBER), table.of(ColumnKind.CATEGORY))
