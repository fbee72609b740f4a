"""Scores of a trained generator, after training and during it."""
