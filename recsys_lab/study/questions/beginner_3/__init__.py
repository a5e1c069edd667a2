"""Batch against stream: the same figures, kept up to date one purchase at a time."""
