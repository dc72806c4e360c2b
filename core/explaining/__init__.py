"""Explanations: what an answer of a fusion model rests on: modalities, words, patches of pictures, moments."""

from core.explaining.saliency import Part, Saliency, saliency
from core.explaining.values import Explanation
from core.explaining.whole import explain

__all__ = ["Explanation", "Part", "Saliency", "explain", "saliency"]
