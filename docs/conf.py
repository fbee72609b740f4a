"""Settings of the documentation site: `python -m sphinx -W -b html docs docs/_build`."""

from jaxgan import __version__

project = "jaxgan"
copyright = "the jaxgan authors"
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = f"jaxgan {__version__}"
autodoc_typehints = "none"  # the signatures of jitted functions hold long jaxtyping expressions
exclude_patterns = ["_build"]
