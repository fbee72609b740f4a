"""Compiler options for programs whose compilation takes longer than all their runs."""

import jaxlib

# A CPU compiles in a half to two thirds of the time. Integers and random draws have the same bits;
# a sum of floats may be added up in another order. Only the outermost program can have options.
QUICK_COMPILE: dict[str, bool | int] = {"xla_backend_optimization_level": 1}
if jaxlib.__version__.startswith("0.10."):  # later ones refuse this option
    QUICK_COMPILE["xla_cpu_use_fusion_emitters"] = False
