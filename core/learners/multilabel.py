"""Multilabel: any number of labels, from any mix of modalities."""

from core.learners._labels import LabelLearner

LEARNER = LabelLearner("multilabel", "any number of labels, from any mix of modalities")
