"""The names of the files and folders in a run directory."""

CONFIG, ENVIRONMENT, METRICS, LOCK = "config.json", "environment.json", "metrics.jsonl", ".lock"
CHECKPOINTS, BEST_CHECKPOINT, SAMPLES = "checkpoints", "best", "samples"
CURVES, DIAGNOSTICS, MEMORISATION = "curves.png", "diagnostics.png", "memorisation.png"
