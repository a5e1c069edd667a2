"""Experiments on dataflows: a few records that one can follow by eye, and real purchases where numbers count."""
