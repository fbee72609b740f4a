"""Pictures of a run: sample grids, scatter plots, loss curves and diagnostics."""

from jaxgan.plots.curves import save_curves
from jaxgan.plots.grids import (
    grid_of,
    read_grid,
    samples_shown,
    save_image,
    save_samples,
    save_scatter,
    to_picture,
)
