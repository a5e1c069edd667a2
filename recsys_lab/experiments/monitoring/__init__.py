"""Monitoring: what to watch of a running recommender, as one set of figures for every face of the lab."""
