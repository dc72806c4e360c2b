import math

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight

from core.errors import ConfigError, InputError
from core.tasks import CLASSIFICATION, MULTILABEL, register, task

SPACE = ("cat", "dog", "owl")


def test_targets_are_one_hot_or_multi_hot() -> None:
    assert CLASSIFICATION.targets([["dog"], ["cat"]], SPACE).tolist() == [[0, 1, 0], [1, 0, 0]]
    assert MULTILABEL.targets([["dog", "owl"], []], SPACE).tolist() == [[0, 1, 1], [0, 0, 0]]


def test_labels_that_do_not_fit_are_named() -> None:
    with pytest.raises(InputError, match="'cow'"):
        MULTILABEL.targets([["cow"]], SPACE)
    with pytest.raises(InputError, match="exactly one label"):
        CLASSIFICATION.targets([["dog", "cat"]], SPACE)
    with pytest.raises(ConfigError, match="classification, multilabel"):
        task("guess")
    with pytest.raises(ConfigError, match="two tasks"):
        register(CLASSIFICATION)


def test_classification_loss_by_hand_with_smoothing_and_weights() -> None:
    logits, targets = torch.tensor([[math.log(2), 0.0, 0.0]]), torch.tensor([[1.0, 0.0, 0.0]])
    assert float(CLASSIFICATION.loss(logits, targets)) == pytest.approx(math.log(2))
    smoothed = (0.7 + 0.1) * math.log(2) + 0.2 * math.log(4)
    assert float(CLASSIFICATION.loss(logits, targets, smoothing=0.3)) == pytest.approx(smoothed)
    assert float(CLASSIFICATION.loss(logits, targets, torch.tensor([3.0, 1.0, 1.0]))) == pytest.approx(3 * math.log(2))


def test_multilabel_loss_weighs_what_is_rare() -> None:
    loss = MULTILABEL.loss(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]), torch.tensor([4.0, 4.0]))
    assert float(loss) == pytest.approx((4 * math.log(2) + math.log(2)) / 2)


def test_class_weights_are_balanced_and_a_label_without_rows_has_none() -> None:
    targets = np.eye(3, dtype=np.float32)[[0, 0, 0, 1]]
    expected = compute_class_weight("balanced", classes=np.array([0, 1]), y=[0, 0, 0, 1])
    np.testing.assert_allclose(CLASSIFICATION.weights(targets), [*expected, 0.0], rtol=1e-6)


def test_probabilities_by_temperature() -> None:
    np.testing.assert_allclose(CLASSIFICATION.probabilities(np.array([[math.log(9) * 2, 0.0]]), 2.0), [[0.9, 0.1]], rtol=1e-6)
    np.testing.assert_allclose(MULTILABEL.probabilities(np.array([[math.log(9) * 2, 0.0]]), np.array([2.0, 5.0])), [[0.9, 0.5]], rtol=1e-6)
