"""Pictures of a run: grids of images, scatters of points, and curves over training."""

from jaxgan.plots.curves import save_curves
from jaxgan.plots.grids import samples_shown, save_grid, save_samples, save_scatter, visible

__all__ = ["samples_shown", "save_curves", "save_grid", "save_samples", "save_scatter", "visible"]
