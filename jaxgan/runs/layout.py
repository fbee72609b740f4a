"""The names of the files and folders in a run directory."""

CONFIG = "config.json"
ENVIRONMENT = "environment.json"  # versions, devices, data, commit
METRICS = "metrics.jsonl"  # one row of losses and evaluations per line
LEDGER = "ledger.tsv"  # checksums of every step
LEAVES = "leaves.jsonl"  # digests of every checkpoint's arrays
REDRAWS = "redraws.jsonl"  # the steps from which config.train.redraw was another one
LOCK = ".lock"
WRITER = ".writer"  # a random text of the start that writes the folder
CHECKPOINTS = "checkpoints"
BEST_CHECKPOINT = "best"
START = "start"  # the state before the first step, with config.start_from
SAMPLES = "samples"
CURVES = "curves.png"
DIAGNOSTICS = "diagnostics.png"
MEMORISATION = "memorisation.png"  # samples beside their nearest training images
REPORT = "report.html"
TENSORBOARD = "tensorboard"  # event files, with config.log.tensorboard
HISTOGRAMS = "histograms.jsonl"  # of the weights at each checkpoint, with a log that shows them
SEED_SUMMARY = "seeds.json"  # statistics over the seeds; in the folder of many seeds
SEED_BANDS = "seeds.png"
