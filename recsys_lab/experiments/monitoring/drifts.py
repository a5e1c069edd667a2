"""Is what we show still what we showed, and is what comes in still what came in? Watched while a shop runs.

Three drifts, and none needs to know the truth:
- of recommendations: how alike a user's list is to that user's list before (`rbo`, `jaccard`), and how far what is
  shown to all in a stretch of the run is from all shown before it (Jensen-Shannon distance of the categories);
- of the input: the same distance for what is taken;
- of the error: a list either holds the item taken next or not; ADWIN rings when misses have become more frequent.

ADWIN watches the input as well: the distance of each batch from all that came before it. Both ring for a rise only.
Memory is bounded: a count for each category, the latest list of each of the users asked about last.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from math import nan
from typing import NamedTuple

from recsys_lab.experiments.drift.detectors import adwin
from recsys_lab.experiments.monitoring.lists import jaccard, rbo
from recsys_lab.experiments.monitoring.shares import jensen_shannon

LISTS_KEPT = 10_000
"""Users whose latest list is kept; of whom was asked about longest ago it is forgotten."""

UNKNOWN = "unknown"
"""The category of an item that has none."""


class DriftFigures(NamedTuple):
    """What a stretch of a run says about drift; NaN where nothing was to be compared.

    rbo, jaccard: of a user's list and the one before it, mean over the stretch. shown_drift, input_drift:
    Jensen-Shannon distance of the categories shown, and taken, from all before the stretch. rising: the category whose
    share of what is taken has grown most, "" when there is none; rise: by how much, -1 to 1.
    error_alarms, input_alarms: so far.
    """

    rbo: float
    jaccard: float
    shown_drift: float
    input_drift: float
    rising: str
    rise: float
    error_alarms: int
    input_alarms: int


class DriftWatch:
    """Sees what is shown and taken; tells at the end of each stretch how that has moved.

    categories: of each item.
    """

    def __init__(self, categories: Mapping[str, str]) -> None:
        self._categories = categories
        self._lists: OrderedDict[str, Sequence[str]] = OrderedDict()
        self._shown, self._taken = _Shares(), _Shares()
        self._overlap = self._common = 0.0
        self._pairs = 0
        self._error, self._input = adwin(), adwin()
        self._error_alarms = self._input_alarms = 0

    def shown(self, user_id: str, items: Sequence[str]) -> None:
        """A list was shown to the user, best first."""
        before = self._lists.pop(user_id, None)
        if before is not None:
            self._pairs += 1
            same = before == items
            self._overlap += 1.0 if same else rbo(before, items)
            self._common += 1.0 if same else jaccard(before, items)
        self._lists[user_id] = items
        if len(self._lists) > LISTS_KEPT:
            self._lists.popitem(last=False)
        self._shown.add(map(self._category, items))

    def taken(self, items: Iterable[str]) -> None:
        """A batch of items was taken; the input's detector compares it with all stretches before this one."""
        batch = Counter(map(self._category, items))
        if batch and self._taken.before:
            self._input_alarms += self._input.update(jensen_shannon(batch, self._taken.before))
        self._taken.add(batch)

    def answered(self, hit: bool) -> None:
        """The item that a user took next stood in the list, or not."""
        self._error_alarms += self._error.update(0.0 if hit else 1.0)

    def stretch(self) -> DriftFigures:
        """The figures since the last call; from here on a new stretch is counted."""
        rising, rise = self._taken.rising()
        figures = DriftFigures(
            rbo=self._overlap / self._pairs if self._pairs else nan,
            jaccard=self._common / self._pairs if self._pairs else nan,
            shown_drift=self._shown.distance(),
            input_drift=self._taken.distance(),
            rising=rising,
            rise=rise,
            error_alarms=self._error_alarms,
            input_alarms=self._input_alarms,
        )
        self._shown.turn()
        self._taken.turn()
        self._overlap, self._common, self._pairs = 0.0, 0.0, 0
        return figures

    def _category(self, item_id: str) -> str:
        return self._categories.get(item_id, UNKNOWN)


class _Shares:
    """Counts by category: of this stretch, and of all before it."""

    def __init__(self) -> None:
        self.now: Counter[str] = Counter()
        self.before: Counter[str] = Counter()

    def add(self, categories: Iterable[str] | Counter[str]) -> None:
        self.now.update(categories)

    def distance(self) -> float:
        return jensen_shannon(self.now, self.before) if self.now and self.before else nan

    def rising(self) -> tuple[str, float]:
        if not (self.now and self.before):
            return "", nan
        now, before = self.now.total(), self.before.total()
        rise, category = max((self.now[name] / now - self.before[name] / before, name) for name in self.now)
        return category, rise

    def turn(self) -> None:
        self.before.update(self.now)
        self.now = Counter()
