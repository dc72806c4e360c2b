"""Classification: one label of several, from any mix of modalities."""

from core.learners._labels import LabelLearner

LEARNER = LabelLearner("classification", "one label of several, from any mix of modalities")
