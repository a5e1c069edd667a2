"""A detector at work on a world, and what each of its settings costs: for the drift lab."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache, partial

import pandas as pd

from recsys_lab.errors import InvalidEvent, shorten
from recsys_lab.experiments.drift.detection import alarms, detection
from recsys_lab.experiments.drift.detectors import Detector, MakeDetector, adwin, page_hinkley
from recsys_lab.experiments.drift.signals import surprise

SMOOTHED, DRAWN = 500, 400

SETTINGS: dict[str, tuple[float, ...]] = {
    "ADWIN": (0.1, 0.01, 0.002, 1e-5, 1e-9),
    "Page-Hinkley": (10.0, 20.0, 50.0, 100.0, 200.0),
}
"""Detector → its settings, from loud to calm."""

_MAKE: dict[str, Callable[[float], Detector]] = {"ADWIN": adwin, "Page-Hinkley": page_hinkley}


def watched(kind: str, detector: str = "ADWIN", calm: int = 4, *, seed: int = 0) -> pd.DataFrame:
    """A signal (`surprise`) as a line to draw, and in `attrs` what a detector made of it.

    kind: of world. calm: which of SETTINGS, 1 (loud) to 5. Columns: offset, level (mean of the last 500 values).
    attrs: kind, begins, ends, events, alarms (offsets). Raises InvalidEvent for an unknown detector or setting.
    """
    signal, make = surprise(kind, seed), _make(detector, calm)
    level = pd.Series(signal.values).rolling(SMOOTHED).mean()
    table = pd.DataFrame({"offset": signal.offsets, "level": level}).iloc[SMOOTHED :: len(level) // DRAWN]
    table.attrs = {
        "kind": kind,
        "begins": signal.begins,
        "ends": signal.ends,
        "events": signal.events,
        "alarms": alarms(signal, make),
    }
    return table


def trade_off(kind: str, detector: str = "ADWIN", *, seeds: Iterable[int] = (0, 1)) -> pd.DataFrame:
    """A row for each of the detector's settings: what it finds, and what it costs.

    Columns: calm (1 to 5), false (alarms in 100,000 events where nothing changes), delay (median, in events), missed,
    runs.
    """
    rows = []
    for calm in range(1, len(SETTINGS[detector]) + 1):
        quiet = _runs("none", detector, calm, tuple(seeds))
        drifting = _runs(kind, detector, calm, tuple(seeds))
        false = 100_000 * quiet["false_alarms"].sum() / quiet["events"].sum()
        delays = drifting["delay"].dropna()
        delay = delays.median() if len(delays) else float("nan")
        rows.append((calm, false, delay, len(drifting) - len(delays), len(drifting)))
    return pd.DataFrame(rows, columns=["calm", "false", "delay", "missed", "runs"])


@lru_cache(maxsize=128)
def _runs(kind: str, detector: str, calm: int, seeds: tuple[int, ...]) -> pd.DataFrame:
    return detection({detector: _make(detector, calm)}, kinds=(kind,), seeds=seeds)


def _make(detector: str, calm: int) -> MakeDetector:
    settings = SETTINGS.get(detector, ())
    if not 1 <= calm <= len(settings):
        raise InvalidEvent(
            f"{shorten(detector)}, setting {shorten(calm)}: there are {', '.join(SETTINGS)}, each 1 to 5"
        )
    return partial(_MAKE[detector], settings[calm - 1])
