"""Experiments: each a function from parameters to a table, for a script, a test, a notebook or a widget."""

from recsys_lab.experiments.drifts import AbruptDrift, GradualDrift, NewItems, Season
from recsys_lab.experiments.simulation import Interactions, simulate

__all__ = ["AbruptDrift", "GradualDrift", "Interactions", "NewItems", "Season", "simulate"]
