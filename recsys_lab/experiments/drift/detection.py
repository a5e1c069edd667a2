"""How soon does a detector find a drift, and how often does it ring for nothing? With worlds whose truth is known.

False alarms are counted where nothing changes: in the calm world, where every alarm is false. A drift is found by the
first alarm after it began; for a gradual one it must come before the drift is complete.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import pandas as pd

from recsys_lab.experiments.drift.detectors import MakeDetector, adwin, page_hinkley
from recsys_lab.experiments.drift.signals import Signal, recommender_errors, surprise

CALM_DELTA = 1e-5
"""ADWIN's delta for `surprise`. Its bound supposes values that do not depend on each other; views of one visit do, so
river's default of 0.002 rings for nothing about once in 100,000 events. Chosen on seeds 100 to 105, not on those
reported."""

DETECTORS: Mapping[str, MakeDetector] = {
    "ADWIN, δ = 0.00001": lambda: adwin(CALM_DELTA),
    "ADWIN, δ = 0.002": adwin,
    "Page-Hinkley, λ = 50": page_hinkley,
    "Page-Hinkley, λ = 20": lambda: page_hinkley(20.0),
}
"""Each at a calm and at a loud setting; 0.002 and 50 are river's defaults."""

KINDS = ("none", "abrupt", "gradual")
PER_EVENTS = 100_000


def alarms(signal: Signal, make: MakeDetector) -> list[int]:
    """The offsets at which a new detector rings that sees the whole signal."""
    detector = make()
    pairs = zip(signal.offsets.tolist(), signal.values.tolist(), strict=True)
    return [offset for offset, value in pairs if detector.update(value)]


def detection(
    detectors: Mapping[str, MakeDetector] = DETECTORS,
    *,
    kinds: Sequence[str] = KINDS,
    seeds: Iterable[int] = range(10),
    signal: Callable[[str, int], Signal] = surprise,
) -> pd.DataFrame:
    """Every detector on every kind of world for every seed: a row each.

    signal: from kind and seed. Columns: detector, kind, seed, events (in the log), false_alarms (before the drift
    begins; in a calm world all), delay (from the beginning of the drift to the first alarm, in events;
    NaN when it is missed), alarms (since the beginning).
    """
    rows = []
    for seed in seeds:
        for kind in kinds:
            seen = signal(kind, seed)
            for name, make in detectors.items():
                rang = alarms(seen, make)
                after = [offset - seen.begins for offset in rang if offset >= seen.begins]
                in_time = bool(after) and (seen.begins == seen.ends or after[0] < seen.ends - seen.begins)
                rows.append(
                    {
                        "detector": name,
                        "kind": kind,
                        "seed": seed,
                        "events": seen.events,
                        "false_alarms": len(rang) - len(after),
                        "delay": after[0] if in_time else float("nan"),
                        "alarms": len(after),
                    }
                )
    return pd.DataFrame(rows)


def detection_summary(table: pd.DataFrame) -> pd.DataFrame:
    """A row for each detector of a table of `detection`: what it finds, how soon, how often it rings for nothing.

    Columns: runs; for each kind but none: `kind found`, `kind delay` (median, in events); false alarms (in calm
    worlds) and false per 100,000 (events).
    """
    rows = {}
    for name, mine in table.groupby("detector", sort=False):
        row: dict[str, float] = {"runs": mine["seed"].nunique()}
        for kind in [kind for kind in table["kind"].unique() if kind != "none"]:
            delays = mine.loc[mine["kind"] == kind, "delay"]
            row[f"{kind} found"] = int(delays.notna().sum())
            row[f"{kind} delay"] = round(delays.median()) if delays.notna().any() else float("nan")
        calm = mine[mine["kind"] == "none"]
        if len(calm):
            row["false alarms"] = int(calm["false_alarms"].sum())
            row["false per 100,000"] = round(PER_EVENTS * calm["false_alarms"].sum() / calm["events"].sum(), 2)
        rows[name] = row
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("detector")


def detection_signals(*, seeds: Iterable[int] = (0, 1), delta: float = 0.002, learned: int = 15_000) -> pd.DataFrame:
    """One detector, ADWIN, on four signals of an abrupt drift: `surprise`, and three of the lab's default recommender.

    learned: so many events are learned from before anything is asked. Columns: signal, seed, values (in the log),
    before, after (mean of the signal before the drift, and in the 5,000 events after), delay (NaN when missed).
    """
    rows = []
    for seed in seeds:
        found = {**recommender_errors("abrupt", seed, skip=learned), "surprise": surprise("abrupt", seed)}
        for name, signal in found.items():
            after = [
                offset - signal.begins for offset in alarms(signal, lambda: adwin(delta)) if offset >= signal.begins
            ]
            asked, drifted = signal.offsets >= learned, signal.offsets >= signal.begins
            soon = signal.offsets < signal.begins + 5_000
            rows.append(
                {
                    "signal": name,
                    "seed": seed,
                    "values": int(asked.sum()),
                    "before": signal.values[asked & ~drifted].mean(),
                    "after": signal.values[drifted & soon].mean(),
                    "delay": after[0] if after else float("nan"),
                }
            )
    return pd.DataFrame(rows)
