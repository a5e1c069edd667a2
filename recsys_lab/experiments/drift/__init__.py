"""Drift: how to notice that the world has changed, how long that takes, and what to do then."""
