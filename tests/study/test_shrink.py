"""The smallest example is one from which nothing can be left out."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys_lab.study.report import NotYet
from recsys_lab.study.shrink import smallest


def a_pair_that_sums_to_ten(numbers: Sequence[int]) -> str | None:
    for place, first in enumerate(numbers):
        for second in numbers[place + 1 :]:
            if first + second == 10:
                return f"{first} and {second}"
    return None


@given(st.lists(st.integers(0, 10), max_size=60))
def test_nothing_can_be_left_out_of_it(numbers: list[int]) -> None:
    if a_pair_that_sums_to_ten(numbers) is None:
        with pytest.raises(NotYet, match="when the very same was tried once more, it did not"):
            smallest(numbers, a_pair_that_sums_to_ten)
        return

    kept, said = smallest(numbers, a_pair_that_sums_to_ten)

    assert sum(kept) == 10
    assert len(kept) == 2
    assert said == f"{kept[0]} and {kept[1]}"


def test_it_stops_after_so_many_tries_and_what_it_gives_still_fails() -> None:
    calls = []

    def fault(numbers: Sequence[int]) -> str | None:
        calls.append(1)
        return "too long" if sum(numbers) >= 50 else None

    kept, said = smallest([1] * 1000, fault, tries=20)

    assert sum(kept) >= 50
    assert said == "too long"
    assert len(calls) <= 21


def test_an_empty_input_can_fail_too() -> None:
    assert smallest([1, 2, 3], lambda numbers: "always") == ([], "always")
