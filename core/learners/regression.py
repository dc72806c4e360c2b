"""Regression: a number, from any mix of modalities."""

from core.learners._labels import LabelLearner

LEARNER = LabelLearner("regression", "a number with an interval, from any mix of modalities")
