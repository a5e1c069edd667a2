"""A small model that answers while it learns, and that can be replaced between two requests.

The model is river's logistic regression on logarithms (counts have long tails), standardised. Each part takes
one example at a time, so the model that answers is the model that learned from the click before.
(Standardisation on the fly: Welford 1962; online gradient descent: Zinkevich, ICML 2003.)

**Learning while serving.** `learn` and `predict` of one version take turns by a lock, so that no answer mixes
old and new weights, and a request waits for one learning step at most, some tens of microseconds. The other
way, to learn on a copy and publish that, makes readers wait for nothing, but copying this model takes longer
than several learning steps; it pays for models that learn slowly.

**Hot swap.** What is served is one reference to (model, version, lock). A request reads it once and is
answered by what it found; a swap makes a new one and then sets the reference. So no request is refused or
waits for a swap, each is answered by exactly one version, and a thread never sees versions go back. An
example that is being learned while the swap happens may still go to the model that leaves.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from time import perf_counter
from typing import Any, NamedTuple, Protocol

from recsys_lab.checks import refuse
from recsys_lab.errors import InvalidEvent
from recsys_lab.latency import LatencySketch

LARGEST_FEATURE = 1e100
"""So large that any real feature is smaller, and small enough to be squared by a model that needs to."""


class Prediction(NamedTuple):
    """What the model thinks, and which model that was."""

    probability: float
    version: int


class OnlineClassifier(Protocol):
    """A binary classifier as in river; any other with these two methods will do."""

    def learn_one(self, x: dict[str, float], y: bool) -> None: ...

    def predict_proba_one(self, x: dict[str, float]) -> dict[bool, float]: ...


def new_model() -> OnlineClassifier:
    """An untrained logistic regression on standardised logarithms; it answers 0.5 until it has learned."""
    from river import compose, linear_model, preprocessing  # only here: importing it takes a second

    model: OnlineClassifier = compose.Pipeline(
        compose.FuncTransformer(_logarithms), preprocessing.StandardScaler(), linear_model.LogisticRegression()
    )
    return model


class ModelServer:
    """Predicts clicks from feature vectors, learns from what came of them; safe to use from many threads.

    model: what to serve as version 1; by default `new_model()`. The server keeps a copy of its own. The first
    vector it gets settles the names of the features; every other must have exactly these.

    >>> server = ModelServer()
    >>> for _ in range(100):
    ...     server.learn({"user_clicks_1h": 3.0}, clicked=True)
    ...     server.learn({"user_clicks_1h": 0.0}, clicked=False)
    >>> server.predict({"user_clicks_1h": 3.0}).probability > 0.6
    True
    >>> server.swap(new_model()), server.predict({"user_clicks_1h": 3.0})
    (2, Prediction(probability=0.5, version=2))
    """

    def __init__(self, model: OnlineClassifier | None = None) -> None:
        self._served = _Served(new_model() if model is None else copy.deepcopy(model), version=1)
        self._names: tuple[str, ...] | None = None
        self._latency = LatencySketch()
        self._swapping = Lock()
        self._recording = Lock()  # of the latency, and of the names

    @property
    def version(self) -> int:
        """Of the model that answers the next request: 1, and one more with each swap."""
        return self._served.version

    def predict(self, features: Mapping[str, float]) -> Prediction:
        """The probability of a click, and the version that says so; its latency is recorded.

        Raises InvalidEvent, naming the feature, for one that is missing, unknown, or not a finite number
        (below 1e100).
        """
        started = perf_counter()
        vector = self._checked(features)
        served = self._served
        with served.lock:
            probability = served.model.predict_proba_one(vector)[True]
        elapsed = perf_counter() - started
        with self._recording:
            self._latency.add(elapsed)
        return Prediction(probability, served.version)

    def learn(self, features: Mapping[str, float], clicked: bool) -> None:
        """Learn what came of a request. Raises InvalidEvent as `predict` does, having learned nothing."""
        vector = self._checked(features)
        if clicked not in (0, 1):
            refuse("clicked", clicked, "True or False is needed.")
        served = self._served
        with served.lock:
            served.model.learn_one(vector, bool(clicked))

    def swap(self, model: OnlineClassifier) -> int:
        """Serve a copy of this model from the next request on; gives its version.

        Raises InvalidEvent for what is no model; the version that serves goes on.
        """
        if not (hasattr(model, "predict_proba_one") and hasattr(model, "learn_one")):
            refuse("model", model, "predict_proba_one and learn_one are needed; the old version goes on serving.")
        replacement = copy.deepcopy(model)
        with self._swapping:
            self._served = _Served(replacement, version=self._served.version + 1)
            return self._served.version

    def latency(self) -> dict[str, float]:
        """Of all predictions so far, by any version: p50, p95, p99 and p99.9 in milliseconds, and the count.

        Measured from the check of the features to the answer, waiting included; NaN before the first.
        """
        with self._recording:
            return self._latency.percentiles_ms()

    def _checked(self, features: Mapping[str, float]) -> dict[str, float]:
        """The features in the settled order, so that sums over them come out the same every time."""
        if not features:
            refuse("features", features, "at least one feature is needed.")
        names = self._names or tuple(features)
        for name in names:
            if name not in features:
                raise InvalidEvent(f"{name} is missing; the model needs it. Compute it, be it as 0.0.")
            if not _is_usable(features[name]):
                refuse(name, features[name], "a finite number is needed. Mend where it comes from.")
        if len(features) > len(names):
            unknown = next(name for name in features if name not in names)
            refuse(unknown, features[unknown], "the model does not know this feature. Leave it out.")
        if self._names is None:
            with self._recording:
                self._names = self._names or names
        return {name: features[name] for name in names}


@dataclass(frozen=True)
class _Served:
    """All that a request needs, behind one reference."""

    model: OnlineClassifier
    version: int
    lock: Lock = field(default_factory=Lock)


def _logarithms(features: dict[str, float]) -> dict[str, float]:
    """log(1 + x), mirrored for negative x: nearly x itself when small, and no outlier when large."""
    return {name: math.copysign(math.log1p(abs(value)), value) for name, value in features.items()}


def _is_usable(value: Any) -> bool:
    try:
        return bool(abs(value) < LARGEST_FEATURE)
    except TypeError:
        return False
