"""De-identification before anything is stored for training or leaves the machine: headers, UIDs, dates, and words in the pixels.

`deidentify` takes a place and writes to a folder apart from it; `read_secret` reads the secret that keeps the mapping one's own.
"""

from domains.medical.deidentifying.keys import SECRET_VARIABLE, Keys, read_secret
from domains.medical.deidentifying.place import DeidentificationReport, deidentify
from domains.medical.deidentifying.words import WordFinder

__all__ = ["SECRET_VARIABLE", "DeidentificationReport", "Keys", "WordFinder", "deidentify", "read_secret"]
