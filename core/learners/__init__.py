"""Learners: one file a task, from a table to a model folder and back."""

from core.learners.contract import Learned, Learner, Outcome, Say, learner, learners, load

__all__ = ["Learned", "Learner", "Outcome", "Say", "learner", "learners", "load"]
