"""The names that a setting may have where the functions behind them need JAX."""

# Names that the tables of other modules hold; those import JAX, which reading a config must not.
LOSSES_WITH_TARGETS = ("non_saturating", "saturating", "least_squares")
LOSS_NAMES = (
    *LOSSES_WITH_TARGETS,
    "hinge",
    "wasserstein",
    "relativistic",
    "relativistic_average",
)
GRADIENT_PENALTIES = ("r1", "r2", "wgan_gp", "dragan")  # penalties on the gradient at each image
AUGMENTATION_NAMES = ("brightness", "saturation", "contrast", "translation", "cutout", "mirror")
