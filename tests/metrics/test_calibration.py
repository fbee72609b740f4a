import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from jaxgan.config.errors import UserError
from jaxgan.metrics import area_under_curve, calibration_error, logit_accuracy

MEASURES = [logit_accuracy, area_under_curve, calibration_error]


def logits(count=700, shift=1.0):
    """Reals and fakes, rounded so that there are ties."""
    random = np.random.RandomState(0)
    return np.round(random.randn(count) + shift, 2), np.round(random.randn(count), 2)


def labelled(real, fake):
    return np.repeat([1, 0], [len(real), len(fake)]), np.concatenate([real, fake])


def test_accuracy_agrees_with_scikit_learn_also_for_sets_of_two_sizes():
    real, fake = logits()
    labels, values = labelled(real[:100], fake)
    wanted = balanced_accuracy_score(labels, values > 0)
    assert logit_accuracy(real[:100], fake) == pytest.approx(wanted, rel=1e-12)


def test_the_area_agrees_with_scikit_learn_with_ties():
    real, fake = logits()
    labels, values = labelled(real[:100], fake)
    wanted = roc_auc_score(labels, values)
    assert area_under_curve(real[:100], fake) == pytest.approx(wanted, rel=1e-12)


def test_the_calibration_error_agrees_with_scikit_learns_curve():
    real, fake = logits()
    labels, values = labelled(real, fake)
    probabilities = 1 / (1 + np.exp(-values))
    fractions, means = calibration_curve(labels, probabilities, n_bins=15)
    counts = np.histogram(probabilities, bins=np.linspace(0, 1, 16))[0]
    wanted = np.sum(counts[counts > 0] * np.abs(fractions - means)) / len(values)
    assert calibration_error(real, fake) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("shift", [-5.0, 3.0])
def test_the_area_does_not_see_a_shift_of_all_logits(shift):
    real, fake = logits()
    assert area_under_curve(real + shift, fake + shift) == area_under_curve(real, fake)


def test_a_discriminator_that_says_one_half_of_everything_guesses_and_knows_it():
    zeros = np.zeros(10)
    assert logit_accuracy(zeros, zeros) == area_under_curve(zeros, zeros) == 0.5
    assert calibration_error(zeros, zeros) == 0


def test_a_discriminator_that_is_sure_and_right_has_no_error_and_one_that_is_wrong_has_all():
    sure = np.full(5, 1e4)
    assert logit_accuracy(sure, -sure) == area_under_curve(sure, -sure) == 1
    assert calibration_error(sure, -sure) == 0
    assert logit_accuracy(-sure, sure) == area_under_curve(-sure, sure) == 0
    assert calibration_error(-sure, sure) == 1


def test_the_optimal_discriminator_of_two_gaussians_is_calibrated():
    random = np.random.RandomState(0)
    real, fake = random.randn(2, 100_000) + np.array([[1.0], [-1.0]])
    assert calibration_error(2 * real, 2 * fake) < 0.01  # log p/q of N(1,1) and N(-1,1) is 2x
    assert calibration_error(6 * real, 6 * fake) > 0.05


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("wrong", [np.array([]), np.array([np.nan]), np.zeros((2, 2))])
def test_what_is_no_list_of_logits_is_refused(measure, wrong):
    with pytest.raises(UserError, match="real"):
        measure(wrong, np.zeros(3))
