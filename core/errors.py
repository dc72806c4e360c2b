"""The errors a user can act on.

Each message is one line that says what is wrong, where, and what to do about it. Commands print it and exit with
code 2; live pipelines count it and go on.
"""


class TriviumError(Exception):
    """Base of every error that is the user's to mend, not a bug."""


class InputError(TriviumError):
    """A file, stream or value that was given cannot be used."""


class ConfigError(TriviumError):
    """The configuration says something that cannot be done."""


class ModelError(TriviumError):
    """Weights or a checkpoint are missing, damaged or do not fit."""


class StoreError(TriviumError):
    """The database or the evidence folder cannot be read or written."""
