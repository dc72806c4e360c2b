"""Ordinal: one label of several that stand in an order, from any mix of modalities."""

from core.learners._labels import LabelLearner

LEARNER = LabelLearner("ordinal", "one label of several that stand in an order")
