"""Tasks of a fusion model: what is learned from labels. Each is a file that brings targets, loss, probabilities and measures.

Targets are `[rows, outputs]` for every task: one-hot where one label is right, multi-hot where several may be, the number
itself where a number is learned. A task is added by writing a module of this package that registers it; no other file changes.
"""

from core.tasks.classification import CLASSIFICATION
from core.tasks.contract import Kind, Logits, Task, register, task
from core.tasks.multilabel import MULTILABEL

__all__ = ["CLASSIFICATION", "MULTILABEL", "Kind", "Logits", "Task", "register", "task"]
