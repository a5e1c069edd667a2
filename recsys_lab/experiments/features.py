"""Features and the model on them: what a leak and a skew do to its score, how fast and how safely it answers.

The task is the same throughout: whenever a user takes an item for the first time, that is an example with
outcome True; an item drawn by lot, which others took before and this user did not, is one with outcome False.
A model learns from the earlier examples and is scored on the later ones, by the area under the ROC curve
(0.5: chance; 1.0: every taken item above every other) and by log loss (0.693: knows nothing; 0: knows all).
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import groupby
from threading import current_thread
from time import perf_counter, sleep
from typing import Any, NamedTuple

import pandas as pd

from recsys_lab.errors import InvalidEvent
from recsys_lab.events import UserInteractionEvent
from recsys_lab.features import (
    DEFAULT_FEATURES,
    FeatureStore,
    Lookup,
    ModelServer,
    OnlineClassifier,
    Prediction,
    faults,
    new_model,
)
from recsys_lab.latency import LatencySketch

Vectors = Sequence[dict[str, float]]

TRAIN_SHARE = 0.7

BETWEEN_REQUESTS = 0.0005
"""Seconds that a thread waits for a request: else one would answer hundreds before another has its turn."""

FEWEST_EXAMPLES = 20


class Examples(NamedTuple):
    """The log, and what was asked of it: each lookup with its outcome, in time order."""

    events: list[UserInteractionEvent]
    lookups: list[Lookup]
    taken: list[bool]

    @property
    def cut(self) -> int:
        """The number of the first example that scores instead of training."""
        return int(len(self.lookups) * TRAIN_SHARE)


def leak(interactions: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """The score that a leak promises offline, beside the score it earns live.

    interactions: as `datasets.load` gives them. seed: of the items drawn by lot.
    A row for each reading of the training table: as of the event, the end of its day, the end of the log.
    Columns: features_as_of; offline_auc, offline_log_loss (test rows from the same table); live_auc,
    live_log_loss (the same model on the vectors served at the time); learning_auc, learning_log_loss (the
    same again, test-then-learn: it learns from each live example after its answer).
    """
    examples = make_examples(interactions, seed=seed)
    store = FeatureStore(DEFAULT_FEATURES)
    end_of_log = examples.events[-1].timestamp + timedelta(microseconds=1)
    readings: dict[str, Callable[[datetime], datetime]] = {
        "the event": lambda time: time,
        "the end of its day": faults.end_of_day,
        "the end of the log": lambda _: end_of_log,
    }
    tables = {
        name: _vectors(store, faults.leaky_training_table(store, *examples[:2], read_at=read_at))
        for name, read_at in readings.items()
    }
    served, taken = tables["the event"][examples.cut :], examples.taken[examples.cut :]
    rows = []
    for name, vectors in tables.items():
        server = ModelServer(trained(vectors[: examples.cut], examples.taken[: examples.cut]))
        offline = _scores(_answers(server, vectors[examples.cut :]), taken)
        live = _scores(_answers(server, served), taken)
        learning = _scores(_answers(server, served, taken), taken)
        rows.append((name, *offline, *live, *learning))
    scores = [f"{when}_{score}" for when in ("offline", "live", "learning") for score in ("auc", "log_loss")]
    return pd.DataFrame(rows, columns=["features_as_of", *scores])


def skew(interactions: pd.DataFrame, *, utc_offset: timedelta = timedelta(hours=-5), seed: int = 0) -> pd.DataFrame:
    """One model, served by online stores that compute features of the same names a little differently.

    interactions, seed: as in `leak`. utc_offset: of the local clock that one of them takes for UTC.
    Columns: online_store; auc, log_loss (of the live answers); equal_vectors (share of the served vectors
    that equal their row of the training table: the check that finds a skew); most_different (the feature
    that differs most often; empty when none does).
    """
    examples = make_examples(interactions, seed=seed)
    store = FeatureStore(DEFAULT_FEATURES)
    table = _vectors(store, store.training_table(examples.events, examples.lookups))
    server = ModelServer(trained(table[: examples.cut], examples.taken[: examples.cut]))
    midnight = [faults.counting_since_midnight(definition) for definition in DEFAULT_FEATURES]
    online: dict[str, Iterator[dict[str, float]]] = {
        "the same definitions": _stream(FeatureStore(DEFAULT_FEATURES), examples),
        "counts since midnight": _stream(FeatureStore(midnight), examples),
        "local time for UTC": _stream(
            FeatureStore(DEFAULT_FEATURES), examples, clock=faults.on_local_clock(utc_offset)
        ),
        "no categories": _stream(FeatureStore(DEFAULT_FEATURES), examples, send=faults.without_category),
    }
    rows = []
    for name, stream in online.items():
        served = list(stream)[examples.cut :]
        auc, log_loss = _scores(_answers(server, served), examples.taken[examples.cut :])
        rows.append((name, auc, log_loss, *_comparison(served, table[examples.cut :])))
    columns = ["online_store", "auc", "log_loss", "equal_vectors", "most_different"]
    return pd.DataFrame(rows, columns=columns)


def inference_latency(
    interactions: pd.DataFrame,
    *,
    requests: int = 1_000,
    feature_counts: Sequence[int] = (1, 4, len(DEFAULT_FEATURES)),
    seed: int = 0,
) -> pd.DataFrame:
    """How long one answer takes, measured in wall time: reading the features, and the model's prediction.

    interactions, seed: as in `leak`. requests: how many are measured. feature_counts: so many of
    DEFAULT_FEATURES are used. Columns: features, step, p50_ms, p95_ms, p99_ms, requests.
    """
    examples = make_examples(interactions, seed=seed)
    asked = [examples.lookups[n % len(examples.lookups)] for n in range(requests)]
    now = examples.events[-1].timestamp
    rows = []
    for count in feature_counts:
        store, server, reading = FeatureStore(DEFAULT_FEATURES[:count]), ModelServer(), LatencySketch()
        for event in examples.events:
            store.update(event)
        for user_id, item_id, _ in asked:
            started = perf_counter()
            vector = store.vector(user_id, item_id, now)
            reading.add(perf_counter() - started)
            server.predict(vector)
        steps = {"reading features": reading.percentiles_ms(), "prediction": server.latency()}
        rows += [(count, step, ms["p50"], ms["p95"], ms["p99"], ms["count"]) for step, ms in steps.items()]
    return pd.DataFrame(rows, columns=["features", "step", "p50_ms", "p95_ms", "p99_ms", "requests"])


def hot_swap(
    interactions: pd.DataFrame,
    *,
    requests: int = 600,
    swap_before: Sequence[int] = (200, 400),
    threads: int = 1,
    seed: int = 0,
) -> pd.DataFrame:
    """A stream of requests, with the model replaced under it: who answered what.

    interactions, seed: as in `leak`. swap_before: numbers of the requests (from 0) just before which the
    next version, trained on more of the examples, is swapped in. threads: that answer; with 1 the table is
    the same on every run, with more the versions around a swap are not, but each request is answered once.
    Columns: request, answered (how many answers came before this one: the order of time, which with several
    threads is not that of the requests), thread, version, probability, alone (what that version says about the
    same vector when it is asked again and nothing else runs); in order of request.
    """
    examples = make_examples(interactions, seed=seed)
    store = FeatureStore(DEFAULT_FEATURES)
    vectors = _vectors(store, store.training_table(examples.events, examples.lookups))
    versions = len(swap_before) + 1
    learned = [examples.cut * version // versions for version in range(1, versions + 1)]
    models = [trained(vectors[:number], examples.taken[:number]) for number in learned]
    server, replacements = ModelServer(models[0]), dict(zip(sorted(swap_before), models[1:], strict=True))
    served = {server.version: models[0]}  # a slow thread may swap later than its number says
    later = vectors[examples.cut :]
    answers_so_far = itertools.count()

    def answer(request: int) -> tuple[int, int, int, Prediction]:
        if request in replacements:
            served[server.swap(replacements[request])] = replacements[request]
        worker = int(current_thread().name.rsplit("_")[-1])
        sleep(BETWEEN_REQUESTS)
        said = server.predict(later[request % len(later)])
        return request, next(answers_so_far), worker, said

    def alone(version: int, request: int) -> float:
        return served[version].predict_proba_one(later[request % len(later)])[True]

    with ThreadPoolExecutor(threads) as pool:
        answers = list(pool.map(answer, range(requests)))
    rows = [(*place, said.version, said.probability, alone(said.version, place[0])) for *place, said in answers]
    table = pd.DataFrame(rows, columns=["request", "answered", "thread", "version", "probability", "alone"])
    return table.round({"probability": 9, "alone": 9})


def make_examples(interactions: pd.DataFrame, *, seed: int = 0) -> Examples:
    """Every first time that a user takes an item, and as often an item drawn by lot (see the module).

    Raises InvalidEvent when there are too few to learn from.
    """
    chance = random.Random(seed)
    events, lookups, taken = events_of(interactions), list[Lookup](), list[bool]()
    items_of: dict[str, set[str]] = {}
    known: set[str] = set()
    candidates: list[str] = []
    for at, together in groupby(events, key=lambda event: event.timestamp):
        new: list[str] = []
        for event in together:
            items = items_of.setdefault(event.user_id, set())
            if candidates and event.item_id not in items:
                drawn = chance.choice(candidates)
                if drawn not in items and drawn != event.item_id:
                    lookups += [Lookup(event.user_id, event.item_id, at), Lookup(event.user_id, drawn, at)]
                    taken += [True, False]
            items.add(event.item_id)
            if event.item_id not in known:
                known.add(event.item_id)
                new.append(event.item_id)
        candidates += new  # to be drawn from the next instant on
    if len(lookups) < FEWEST_EXAMPLES:
        raise InvalidEvent(
            f"interactions has {len(interactions)} rows, which give {len(lookups)} examples;"
            f" at least {FEWEST_EXAMPLES} are needed. Take more users."
        )
    return Examples(events, lookups, taken)


def events_of(interactions: pd.DataFrame) -> list[UserInteractionEvent]:
    """The rows of a table as events, in its order; the category travels in `data`."""
    rows: Iterator[Any] = interactions.itertuples(index=False)
    return [
        UserInteractionEvent(
            event_id=f"row-{number}",
            timestamp=row.timestamp.to_pydatetime(),
            user_id=row.user_id,
            item_id=row.item_id,
            session_id=row.session_id,
            interaction_type=row.interaction_type,
            interaction_value=row.interaction_value,
            data={"category": row.category},
        )
        for number, row in enumerate(rows)
    ]


def trained(vectors: Vectors, taken: Sequence[bool]) -> OnlineClassifier:
    """A new model that saw each example once, in order."""
    model = new_model()
    for vector, outcome in zip(vectors, taken, strict=True):
        model.learn_one(vector, outcome)
    return model


# -- streaming and scoring -----------------------------------------------------------------------------------


def _vectors(store: FeatureStore, table: pd.DataFrame) -> Vectors:
    return [dict(zip(store.names, row, strict=True)) for row in table[store.names].to_numpy().tolist()]


def _stream(
    store: FeatureStore,
    examples: Examples,
    *,
    send: Callable[[UserInteractionEvent], UserInteractionEvent] = lambda event: event,
    clock: Callable[[datetime], datetime] = lambda time: time,
) -> Iterator[dict[str, float]]:
    """The vectors that are served while the events come in: what the store knows at each lookup."""
    coming = 0
    for user_id, item_id, at in examples.lookups:
        while examples.events[coming].timestamp < at:
            store.update(send(examples.events[coming]))
            coming += 1
        yield store.vector(user_id, item_id, clock(at))


def _answers(server: ModelServer, vectors: Vectors, outcomes: Sequence[bool] | None = None) -> list[float]:
    """The probability for each vector; where outcomes are given, each is learned after its answer."""
    answers = []
    for number, vector in enumerate(vectors):
        answers.append(server.predict(vector).probability)
        if outcomes is not None:
            server.learn(vector, outcomes[number])
    return answers


def _scores(probabilities: Sequence[float], taken: Sequence[bool]) -> tuple[float, float]:
    return round(roc_auc(probabilities, taken), 6), round(log_loss(probabilities, taken), 6)


def roc_auc(probabilities: Sequence[float], taken: Sequence[bool]) -> float:
    """Share of (taken, not taken) pairs with the taken one above; ties count half. (Hanley, McNeil 1982.)"""
    ranked = sorted(zip((round(p, 9) for p in probabilities), taken, strict=True))
    above = not_taken = 0.0
    for _, tied in groupby(ranked, key=lambda pair: pair[0]):
        outcomes = [outcome for _, outcome in tied]
        above += sum(outcomes) * (not_taken + outcomes.count(False) / 2)
        not_taken += outcomes.count(False)
    return above / (not_taken * (len(ranked) - not_taken))


def log_loss(probabilities: Sequence[float], taken: Sequence[bool]) -> float:
    """Mean surprise at the outcomes, in nats; a probability counts as at least 1e-15."""
    believed = (p if outcome else 1 - p for p, outcome in zip(probabilities, taken, strict=True))
    return -math.fsum(math.log(max(p, 1e-15)) for p in believed) / len(taken)


def _comparison(served: Vectors, table: Vectors) -> tuple[float, str]:
    """Share of served vectors that equal their row of the table, and the feature that differs most often."""
    pairs = list(zip(served, table, strict=True))
    differing = {name: sum(one[name] != other[name] for one, other in pairs) for name in table[0]}
    most = max(differing, key=lambda name: differing[name])
    equal = sum(one == other for one, other in pairs)
    return round(equal / len(pairs), 6), most if differing[most] else ""
