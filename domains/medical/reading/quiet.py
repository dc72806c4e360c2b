"""Keep pydicom's own warnings off the log and the screen: they quote the values of elements, and so name patients.

What matters of them is found again by this room's readers and said without the value, in a study's notices.
"""

from __future__ import annotations

import logging
import warnings

_MODULES = r"(pydicom|domains\.medical\.reading)(\.|$)"


def silence_pydicom() -> None:
    """For the whole process: a person's name in a log cannot be taken back."""
    logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)
    warnings.filterwarnings("ignore", category=UserWarning, module=_MODULES)
