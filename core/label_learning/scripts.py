"""Which packaged encoder reads a table's text: the multilingual one where most of it is of a script that the usual one does not know."""

from __future__ import annotations

from collections.abc import Callable

from core.errors import ModelError
from core.label_learning.options import LabelOptions
from core.table.defaults import TextEncoderName
from core.table.values import ColumnKind, Table

MOST_ROWS_READ = 500
MOST_LETTERS_READ = 2000  # of a cell


def text_encoder_of(table: Table, options: LabelOptions, say: Callable[[str], None]) -> TextEncoderName:
    """The encoder for training on a table.

    Args:
        table: training rows.
        options: name one, or leave it to the letters.
        say: told where the choice is not the usual one.
    """
    if options.text_encoder != "auto":
        return options.text_encoder
    from core.encoders.multilingual import is_mostly_other_script
    from core.weights import locate

    columns = [table.values(name)[:MOST_ROWS_READ] for name in table.of(ColumnKind.TEXT)]
    if not is_mostly_other_script([str(cell)[:MOST_LETTERS_READ] for column in columns for cell in column if cell is not None]):
        return "minilm"
    try:
        locate("multilingual")
    except ModelError as error:
        say(f"text is mostly of a script that its encoder hardly knows, and the multilingual one is not here ({error})")
        return "minilm"
    say("text is mostly of a script that minilm hardly knows: read by the multilingual encoder (text_encoder=minilm says otherwise)")
    return "multilingual"


def kept_text_encoder(options: LabelOptions) -> TextEncoderName:
    """The encoder that a kept model was trained with; models older than the choice know only the usual one."""
    return "multilingual" if options.text_encoder == "multilingual" else "minilm"
