"""How far generated samples are from real ones, as pure functions of arrays.

On features of images, `(samples, features)`:
  frechet_distance    distance of the Gaussians fitted to both sets (FID)
  kernel_distance     unbiased cubic-polynomial MMD over subsets, with its spread (KID)
  precision_recall    are fakes near the reals, are reals near the fakes
  density_coverage    the same two questions, robust to outliers

On a classifier's output:
  classifier_score    exponential of the mutual information of image and class (Inception Score)
  class_histogram     fraction of samples per class
  total_variation     distance of two such histograms
  mode_count          classes that the samples reach
  reverse_kl          KL(generated || target) of two histograms, in nats
  stacked_modes       the Stacked MNIST protocol: modes and KL of digit triples

On points in the plane:
  point_modes         the ring and grid protocol: high quality, modes, KL

Arguments may be numpy or JAX arrays; results are Python numbers. Sums run in float64
whatever `jax_enable_x64` says. Arrays that a metric is not defined on raise `UserError`.
Every estimate depends on the number of samples: compare only equal numbers.
"""

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
from jaxgan.metrics.frechet import frechet_distance
from jaxgan.metrics.kernel import KernelDistance, kernel_distance
from jaxgan.metrics.neighbours import (
    DensityCoverage,
    PrecisionRecall,
    density_coverage,
    precision_recall,
)
from jaxgan.metrics.points import PointModes, point_modes

__all__ = [
    "ClassifierScore",
    "DensityCoverage",
    "KernelDistance",
    "PointModes",
    "PrecisionRecall",
    "StackedModes",
    "class_histogram",
    "classifier_score",
    "density_coverage",
    "frechet_distance",
    "kernel_distance",
    "mode_count",
    "point_modes",
    "precision_recall",
    "reverse_kl",
    "stacked_modes",
    "total_variation",
]
