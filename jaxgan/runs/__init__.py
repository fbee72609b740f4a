"""A run on disk: its files, records, checkpoints and seeds."""
