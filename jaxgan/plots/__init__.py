"""Pictures of a run: sample grids, scatter plots, loss curves and diagnostics."""

from jaxgan.plots.curves import save_curves
from jaxgan.plots.grids import (
    samples_shown,
    save_grid,
    save_image,
    save_samples,
    save_scatter,
    to_picture,
)
