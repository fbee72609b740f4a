"""The training loop and its effects on the run directory."""
