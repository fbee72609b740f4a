"""Metrics of generated samples, as pure functions of arrays.

On features of images, (samples, features):
  frechet_distance    Fréchet distance of fitted Gaussians (FID, with Inception features)
  kernel_distance     unbiased squared MMD with a cubic kernel (KID, with Inception features)
  compute_prdc        improved precision and recall, density and coverage

On a classifier's output:
  classifier_score    exponential of the mutual information of image and class (Inception Score)
  class_histogram     fraction of the samples in each class
  total_variation     total variation distance of two histograms
  mode_count          number of classes that the samples reach
  reverse_kl          KL(generated || target) of two histograms, in nats
  stacked_modes       modes and reverse KL of the Stacked MNIST benchmark

On a discriminator's logits:
  logit_accuracy      balanced accuracy with the threshold at 0
  area_under_curve    area under the ROC curve
  calibration_error   expected calibration error

On pixels:
  nearest_images      nearest training image of each sample
  copying_ratio       nearest-image distances of samples over those of held-out images
  example_spread      how much images, or points, differ from each other

On points in the plane:
  point_modes         high-quality samples, modes and reverse KL of the ring and grid benchmarks

Arguments may be numpy or JAX arrays, and results are Python numbers. Sums are in float64,
whatever `jax_enable_x64` says. Arrays for which a metric is not defined raise `UserError`. Every
estimate depends on the number of samples: compare only sets of the same size.
"""

from jaxgan.metrics.calibration import area_under_curve, calibration_error, logit_accuracy
from jaxgan.metrics.classes import (
    ClassifierScore,
    StackedModes,
    class_histogram,
    classifier_score,
    mode_count,
    reverse_kl,
    stacked_modes,
    total_variation,
)
from jaxgan.metrics.feature_nets import FeatureNet, FeatureSet
from jaxgan.metrics.frechet import frechet_distance
from jaxgan.metrics.kernel import KernelDistance, kernel_distance
from jaxgan.metrics.memorization import Nearest, copying_ratio, nearest_images
from jaxgan.metrics.mode_coverage import PointModes, mode_distance, mode_fractions, point_modes
from jaxgan.metrics.packaged_nets import load_features
from jaxgan.metrics.prdc import PRDC, Neighbourhoods, compute_prdc
from jaxgan.metrics.spread import example_spread
