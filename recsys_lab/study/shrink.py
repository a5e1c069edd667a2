"""The smallest example: what is left of a long input when everything that is not needed to fail is taken out.

Delta debugging, after Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input" (2002): cut out
halves, then quarters, and so on to single elements, as long as the rest still fails.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from recsys_lab.study.report import NotYet

Element = TypeVar("Element")
MOST_TRIES = 500


def smallest(
    elements: Sequence[Element], fault: Callable[[Sequence[Element]], str | None], *, tries: int = MOST_TRIES
) -> tuple[list[Element], str]:
    """What still fails when no element can be left out, and how it fails.

    elements: input that fails. fault: what goes wrong with an input, or None when nothing does; called `tries` times
    at most. Raises NotYet when nothing goes wrong with `elements` itself, as it did for the caller.
    """
    kept, found = list(elements), fault(elements)
    if found is None:
        raise NotYet(
            "it went wrong, and when the very same was tried once more, it did not: it leaves something to chance, or "
            "keeps something from one try to the next in a place that all share."
        )
    length = max(1, len(kept) // 2)
    while tries > 0:
        for start in range(0, len(kept), length):
            shorter = kept[:start] + kept[start + length :]
            said = fault(shorter) if len(shorter) < len(kept) and tries > 0 else None
            tries -= 1
            if said is not None:
                kept, found = shorter, said
                break
        else:
            if length == 1:
                break
            length = max(1, length // 2)
        length = min(length, max(1, len(kept)))
    return kept, found
