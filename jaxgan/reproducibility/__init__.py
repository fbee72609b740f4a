"""Replays steps of a run and compares runs bit by bit."""
