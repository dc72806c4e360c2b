"""Runtimes that decode a language model on this machine, one file each."""

from __future__ import annotations

from core.language.decoding.contract import Completion, Decoder

__all__ = ["Completion", "Decoder"]
