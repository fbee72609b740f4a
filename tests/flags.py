"""XLA's settings for tests, most of whose time goes into compiling."""

import importlib.metadata

QUICK = "--xla_backend_optimization_level=0"
if importlib.metadata.version("jaxlib").startswith("0.10."):  # XLA ends over a flag that it lacks
    QUICK += " --xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
