"""A trained run as an object whose samples, curves and scores a notebook shows."""
