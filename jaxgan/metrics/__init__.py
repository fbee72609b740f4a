"""How far generated samples are from real ones, as pure functions of arrays.

On features of images, `(samples, features)`:
  frechet_distance    distance of the Gaussians fitted to both sets (FID)
  kernel_distance     unbiased cubic-polynomial MMD over subsets, with its spread (KID)
  precision_recall    are fakes near the reals, are reals near the fakes
  density_coverage    the same two questions, robust to outliers
  overlap             these two at once, of `Neighbourhoods`, which keep what each set costs

On a classifier's output:
  classifier_score    exponential of the mutual information of image and class (Inception Score)
  class_histogram     fraction of samples per class
  total_variation     distance of two such histograms
  mode_count          classes that the samples reach
  reverse_kl          KL(generated || target) of two histograms, in nats
  stacked_modes       the Stacked MNIST protocol: modes and KL of digit triples

On a discriminator's logits:
  logit_accuracy      are reals above zero and fakes below
  area_under_curve    are reals above fakes
  calibration_error   is its probability of real the fraction that is

On pixels:
  nearest_images      the nearest training image of each sample
  copying_ratio       are samples nearer to them than held-out images are

On points in the plane:
  point_modes         the ring and grid protocol: high quality, modes, KL

Arguments may be numpy or JAX arrays; results are Python numbers. Sums run in float64
whatever `jax_enable_x64` says. Arrays that a metric is not defined on raise `UserError`.
Every estimate depends on the number of samples: compare only equal numbers.
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
from jaxgan.metrics.prdc import (
    DensityCoverage,
    Neighbourhoods,
    Overlap,
    PrecisionRecall,
    density_coverage,
    overlap,
    precision_recall,
)

__all__ = [
    "ClassifierScore",
    "DensityCoverage",
    "FeatureNet",
    "FeatureSet",
    "KernelDistance",
    "Nearest",
    "Neighbourhoods",
    "Overlap",
    "PointModes",
    "PrecisionRecall",
    "StackedModes",
    "area_under_curve",
    "calibration_error",
    "class_histogram",
    "classifier_score",
    "copying_ratio",
    "density_coverage",
    "frechet_distance",
    "kernel_distance",
    "load_features",
    "logit_accuracy",
    "mode_count",
    "mode_distance",
    "mode_fractions",
    "nearest_images",
    "overlap",
    "point_modes",
    "precision_recall",
    "reverse_kl",
    "stacked_modes",
    "total_variation",
]
