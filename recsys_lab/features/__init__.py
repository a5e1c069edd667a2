"""Real-time features, read as of a time, and the small online model that uses them."""

from recsys_lab.features.definitions import DEFAULT_FEATURES, Count, DecayedRate, Definition, Recency, Sum
from recsys_lab.features.model_server import ModelServer, OnlineClassifier, Prediction, new_model
from recsys_lab.features.store import FeatureStore, Lookup

__all__ = [
    "DEFAULT_FEATURES",
    "Count",
    "DecayedRate",
    "Definition",
    "FeatureStore",
    "Lookup",
    "ModelServer",
    "OnlineClassifier",
    "Prediction",
    "Recency",
    "Sum",
    "new_model",
]
