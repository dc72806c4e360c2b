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


def test_every_task_is_a_module_found_by_its_name() -> None:
    assert {task(name).name for name in ("classification", "multilabel", "ordinal", "regression")} == {
        "classification",
        "multilabel",
        "ordinal",
        "regression",
    }


def test_ordinal_probabilities_sum_to_one_and_a_far_miss_costs_more_than_a_near_one() -> None:
    ordinal = task("ordinal")
    logits = np.random.default_rng(0).normal(size=(50, ordinal.outputs(4)))
    probabilities = ordinal.probabilities(logits)
    assert probabilities.shape == (50, 4)
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)
    sure_of_the_top = torch.full((3, 3), 4.0)
    near, far, right = ordinal.loss(sure_of_the_top, torch.eye(4)[[2, 0, 3]])
    assert right < near
    assert ordinal.measures["quadratic_kappa"](np.eye(4, dtype=np.float32)[[3, 2]], np.eye(4, dtype=np.float32)[[3, 3]]) <= 1
    assert ordinal.measures["mean_rank_error"](np.eye(4, dtype=np.float32)[[3, 0]], np.eye(4, dtype=np.float32)[[3, 3]]) == 1.5
    assert far > 0


def test_ordinal_loss_is_the_likelihood_of_the_right_label() -> None:
    ordinal = task("ordinal")
    logits = torch.tensor([[0.3, -0.7, 1.1]] * 4)
    losses = ordinal.loss(logits, torch.eye(4))
    np.testing.assert_allclose(np.exp(-losses.numpy()), ordinal.probabilities(logits.numpy())[0], rtol=1e-5)


def test_regression_reads_numbers_and_names_what_is_none() -> None:
    regression = task("regression")
    assert regression.targets([["1.5"], ["-2"]], ("price",)).tolist() == [[1.5], [-2.0]]
    for bad in (["cheap"], ["nan"], ["inf"], [], ["1", "2"]):
        with pytest.raises(InputError, match="regression needs"):
            regression.targets([bad], ("price",))


def test_regression_loss_does_not_depend_on_the_unit() -> None:
    regression = task("regression")
    metres, truth = torch.tensor([[1.0], [2.0], [4.0]]), np.array([[1.5], [2.0], [3.0]], np.float32)
    in_metres = regression.loss(metres, torch.tensor(truth), torch.tensor(regression.weights(truth)))
    in_millimetres = regression.loss(metres * 1000, torch.tensor(truth * 1000), torch.tensor(regression.weights(truth * 1000)))
    torch.testing.assert_close(in_metres, in_millimetres)


def test_measures_of_numbers_are_scikit_learns() -> None:
    from scipy.stats import spearmanr
    from sklearn.metrics import cohen_kappa_score, mean_absolute_error, r2_score, root_mean_squared_error

    rng = np.random.default_rng(1)
    truth, said = (rng.normal(size=(40, 1)).astype(np.float32) for _ in range(2))
    measures = task("regression").measures
    assert measures["r2"](said, truth) == pytest.approx(r2_score(truth, said), rel=1e-5)
    assert measures["rmse"](said, truth) == pytest.approx(root_mean_squared_error(truth, said), rel=1e-5)
    assert measures["mae"](said, truth) == pytest.approx(mean_absolute_error(truth, said), rel=1e-5)
    assert measures["spearman"](said, truth) == pytest.approx(spearmanr(truth[:, 0], said[:, 0]).statistic, rel=1e-5)
    ranks, guesses = rng.integers(0, 4, 60), rng.integers(0, 4, 60)
    kappa = task("ordinal").measures["quadratic_kappa"](np.eye(4, dtype=np.float32)[guesses], np.eye(4, dtype=np.float32)[ranks])
    assert kappa == pytest.approx(cohen_kappa_score(ranks, guesses, weights="quadratic"))
