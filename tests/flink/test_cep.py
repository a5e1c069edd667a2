"""Patterns: the examples of Apache Flink's documentation, and brute force over all choices of events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import inf
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_lab.errors import JobError
from recsys_lab.flink import FlinkStreamProcessor, ListSink, OutputTag
from recsys_lab.flink.cep import CEP, AfterMatchSkipStrategy, Pattern
from tests.flink.jobs import strategy

TIMEOUT = OutputTag("timeout")
LATE = OutputTag("late")


def is_(letter: str) -> Any:
    return lambda event: event[2][0] == letter


def texts(match: dict[str, list[Any]]) -> str:
    return " ".join(event[2] for events in match.values() for event in events)


def found(pattern: Pattern, letters: str, **settings_: Any) -> list[str]:
    """The matches in a row of events such as "a1 b1 c1", one a millisecond, in the order in which they are found."""
    stream = [("k", time, text) for time, text in enumerate(letters.split())]
    processor = FlinkStreamProcessor(**settings_)
    timed = processor.add_source(stream).assign_timestamps_and_watermarks(strategy(0))
    return CEP.pattern(timed.key_by(lambda e: e[0]), pattern).select(texts).execute_and_collect()


def a_then(how: str, letter: str) -> Pattern:
    return getattr(Pattern.begin("a").where(is_("a")), how)(letter).where(is_(letter))


def test_contiguity_as_documented() -> None:
    """Pattern "a b" on a, c, b1, b2."""
    assert found(a_then("next", "b"), "a c b1 b2") == []
    assert found(a_then("followed_by", "b"), "a c b1 b2") == ["a b1"]
    assert found(a_then("followed_by_any", "b"), "a c b1 b2") == ["a b1", "a b2"]


def test_contiguity_within_looping_patterns_as_documented() -> None:
    """Pattern "a b+ c" on a b1 d1 b2 d2 b3 c, b following a in any way."""
    row = "a b1 d1 b2 d2 b3 c"
    loop = a_then("followed_by_any", "b").one_or_more()
    assert sorted(found(loop.consecutive().followed_by("c").where(is_("c")), row)) == ["a b1 c", "a b2 c", "a b3 c"]
    assert sorted(found(loop.followed_by("c").where(is_("c")), row)) == [
        "a b1 b2 b3 c", "a b1 b2 c", "a b1 c", "a b2 b3 c", "a b2 c", "a b3 c",
    ]  # fmt: skip
    assert sorted(found(loop.allow_combinations().followed_by("c").where(is_("c")), row)) == [
        "a b1 b2 b3 c", "a b1 b2 c", "a b1 b3 c", "a b1 c", "a b2 b3 c", "a b2 c", "a b3 c",
    ]  # fmt: skip


def test_consecutive_and_combinations_as_documented() -> None:
    """Pattern c, a+, b on C D A1 A2 A3 D A4 B."""
    row = "c d a1 a2 a3 d a4 b"
    loop = Pattern.begin("start").where(is_("c")).followed_by("middle").where(is_("a")).one_or_more()
    end = "end"
    assert sorted(found(loop.consecutive().followed_by(end).where(is_("b")), row)) == [
        "c a1 a2 a3 b", "c a1 a2 b", "c a1 b",
    ]  # fmt: skip
    assert sorted(found(loop.followed_by(end).where(is_("b")), row)) == [
        "c a1 a2 a3 a4 b", "c a1 a2 a3 b", "c a1 a2 b", "c a1 b",
    ]  # fmt: skip
    assert sorted(found(loop.allow_combinations().followed_by(end).where(is_("b")), row)) == [
        "c a1 a2 a3 a4 b", "c a1 a2 a3 b", "c a1 a2 a4 b", "c a1 a2 b", "c a1 a3 a4 b", "c a1 a3 b", "c a1 a4 b",
        "c a1 b",
    ]  # fmt: skip


def test_skip_strategies_as_documented() -> None:
    """Pattern "b+ c", nothing between, on b1 b2 b3 c."""

    def with_skip(skip: AfterMatchSkipStrategy) -> list[str]:
        loop = Pattern.begin("b", skip).where(is_("b")).one_or_more().consecutive()
        return found(loop.next("c").where(is_("c")), "b1 b2 b3 c")

    assert with_skip(AfterMatchSkipStrategy.no_skip()) == ["b1 b2 b3 c", "b2 b3 c", "b3 c"]
    assert with_skip(AfterMatchSkipStrategy.skip_to_next()) == ["b1 b2 b3 c", "b2 b3 c", "b3 c"]
    assert with_skip(AfterMatchSkipStrategy.skip_past_last_event()) == ["b1 b2 b3 c"]
    assert with_skip(AfterMatchSkipStrategy.skip_to_first("b")) == ["b1 b2 b3 c", "b2 b3 c", "b3 c"]
    assert with_skip(AfterMatchSkipStrategy.skip_to_last("b")) == ["b1 b2 b3 c", "b3 c"]


def test_a_match_forgets_what_began_before_the_event_that_it_skips_to() -> None:
    pattern = (
        Pattern.begin("x", AfterMatchSkipStrategy.skip_to_first("y"))
        .where(is_("a"))
        .or_where(is_("c"))
        .followed_by("y")
        .where(is_("b"))
        .or_where(is_("c"))
        .followed_by("z")
        .where(is_("d"))
    )
    assert found(pattern, "a b c1 d") == ["a b d"]
    assert found(pattern, "a b c1 c2 d") == ["a b d", "c1 c2 d"]


def test_not_next_and_not_followed_by() -> None:
    a_not_b = Pattern.begin("a").where(is_("a")).not_followed_by("b").where(is_("b")).followed_by("c").where(is_("c"))
    assert found(a_not_b, "a d c") == ["a c"]
    assert found(a_not_b, "a b c") == []
    assert found(a_not_b, "a1 b a2 c") == ["a2 c"]
    next_not_b = Pattern.begin("a").where(is_("a")).not_next("b").where(is_("b")).followed_by("c").where(is_("c"))
    assert found(next_not_b, "a b c") == []
    assert found(next_not_b, "a d b c") == ["a c"]
    assert found(next_not_b, "a c") == ["a c"]


def test_optional_and_times() -> None:
    pattern = a_then("followed_by", "b").optional().followed_by("c").where(is_("c"))
    assert sorted(found(pattern, "a b c")) == ["a b c", "a c"]
    twice = a_then("followed_by", "b").times(2).followed_by("c").where(is_("c"))
    assert found(twice, "a b1 d b2 b3 c") == ["a b1 b2 c"]
    some = a_then("followed_by", "b").times(1, 2)
    assert found(some, "a b1 b2 b3") == ["a b1", "a b1 b2"]
    assert found(a_then("followed_by", "b").times_or_more(2), "a b1 b2 b3") == ["a b1 b2", "a b1 b2 b3"]


def test_a_condition_may_look_at_the_match_so_far() -> None:
    rising = (
        Pattern.begin("a").where(is_("a")).followed_by("b").where(lambda e, so_far: e[2][1:] > so_far["a"][0][2][1:])
    )
    assert found(rising, "a2 b1 b3") == ["a2 b3"]


def run_timed(pattern: Pattern, stream: list[Any], bound: int = 0) -> tuple[list[str], list[str], list[Any]]:
    processor = FlinkStreamProcessor()
    matches, timeouts, late = ListSink(), ListSink(), ListSink()
    keyed = processor.add_source(stream).assign_timestamps_and_watermarks(strategy(bound)).key_by(lambda e: e[0])
    results = (
        CEP.pattern(keyed, pattern)
        .side_output_late_data(LATE)
        .select(texts, timeout_tag=TIMEOUT, timeout_function=lambda match, time: f"{texts(match)} at {time}")
    )
    results.sink_to(matches)
    results.get_side_output(TIMEOUT).sink_to(timeouts)
    results.get_side_output(LATE).sink_to(late)
    processor.execute()
    return matches.values, timeouts.values, late.values


def test_a_match_ends_less_than_within_after_it_began_or_runs_out_of_time() -> None:
    pattern = a_then("followed_by", "b").within(10)
    assert run_timed(pattern, [("k", 0, "a"), ("k", 9, "b")])[:2] == (["a b"], [])
    assert run_timed(pattern, [("k", 0, "a"), ("k", 10, "b")])[:2] == ([], ["a at 10"])


def test_three_views_without_a_purchase_in_half_an_hour_are_a_nudge() -> None:
    views = Pattern.begin("view", AfterMatchSkipStrategy.skip_past_last_event()).where(is_("v")).times(3)
    pattern = views.not_followed_by("purchase").where(is_("p")).within(30)
    bought = [("k", 0, "v1"), ("k", 1, "v2"), ("k", 2, "v3"), ("k", 20, "p"), ("k", 100, "x")]
    assert run_timed(pattern, bought)[0] == []
    too_late = [("k", 0, "v1"), ("k", 1, "v2"), ("k", 2, "v3"), ("k", 31, "p")]
    assert run_timed(pattern, too_late)[0] == ["v1 v2 v3"]


def test_events_are_matched_in_order_of_time_and_late_ones_go_to_the_side() -> None:
    stream = [("k", 5, "b1"), ("k", 3, "a1"), ("k", 20, "x"), ("k", 4, "a2"), ("k", 21, "b2")]
    matches, _, late = run_timed(a_then("followed_by", "b").within(10), stream, bound=5)
    assert matches == ["a1 b1"]
    assert late == [("k", 4, "a2")]


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: Pattern.begin("a").followed_by("a"), "taken"),
        (lambda: Pattern.begin("a").not_next("b").one_or_more(), "must not come"),
        (lambda: Pattern.begin("a").times(0), "from 1"),
        (lambda: Pattern.begin("a").times(3, 2), "must not be above"),
        (lambda: Pattern.begin("a").where(7), "function"),
        (lambda: Pattern.begin("a").within(0), "within"),
    ],
)
def test_a_pattern_that_cannot_be_is_refused(build: Any, says: str) -> None:
    with pytest.raises(JobError, match=says):
        build()


def test_a_pattern_that_is_never_over_is_refused_when_the_job_is_built() -> None:
    stream = FlinkStreamProcessor().add_source([1]).key_by(lambda e: e)
    with pytest.raises(JobError, match="within"):
        CEP.pattern(stream, Pattern.begin("a").not_followed_by("b"))
    with pytest.raises(JobError, match="optional"):
        CEP.pattern(stream, Pattern.begin("a").optional())


# -- brute force -------------------------------------------------------------------------------------------------

Stage = tuple[str, str, int, float, bool, str]
"""letter, how, least, most, optional, between"""


def brute_force(stages: list[Stage], nots: dict[int, str], row: list[str], within: float) -> Counter[str]:
    """Every choice of events that keeps to what the documentation says, one event a millisecond.

    nots: before stage i, no event of that letter after the last event of the stage before. (Inside a repeating
    stage that stands before it, such an event ends the match too.)
    """
    results: Counter[str] = Counter()

    def legal(gap_from: int, to: int, letter: str, how: str) -> bool:
        between = row[gap_from + 1 : to]
        if how == "next":
            return not between
        return how == "followed_by_any" or not any(r[0] == letter for r in between)

    def forbidden(stage: int, gap_from: int, to: int) -> bool:
        return any(r[0] == nots.get(stage) for r in row[gap_from + 1 : to])

    def entries(stage: int) -> Iterator[int]:
        """Stages that may come where this one could: itself, and those behind as long as they are optional."""
        while stage < len(stages):
            yield stage
            if not stages[stage][4]:
                return
            stage += 1

    def grow(stage: int, taken: int, chosen: list[int]) -> None:
        if chosen and row_time(chosen[-1]) - row_time(chosen[0]) >= within:
            return
        last = chosen[-1] if chosen else -1
        if stage >= 0:
            letter, _, least, most, _, between = stages[stage]
            if taken >= least and all(s[4] for s in stages[stage + 1 :]):
                results[" ".join(row[i] for i in chosen)] += 1
            if taken < most:
                for i in range(last + 1, len(row)):
                    if row[i][0] == letter and legal(last, i, letter, between) and not forbidden(stage + 1, last, i):
                        grow(stage, taken + 1, [*chosen, i])
            if taken < least:
                return
        for following in entries(stage + 1):
            letter, how = stages[following][:2]
            for i in range(last + 1, len(row)):
                free = following == 0 or not chosen or legal(last, i, letter, how)
                skipped = range(stage + 1, following + 1)
                if row[i][0] == letter and free and not any(forbidden(s, last, i) for s in skipped if chosen):
                    grow(following, 1, [*chosen, i])

    def row_time(i: int) -> int:
        return i

    grow(-1, 0, [])
    return results


quantifiers = st.sampled_from(
    [(1, 1, ""), (2, 2, ".times(2)"), (1, 2, ".times(1, 2)"), (1, inf, ".one_or_more()"), (2, inf, ".times_or_more(2)")]
)
stages = st.tuples(
    st.sampled_from("abc"),
    st.sampled_from(["next", "followed_by", "followed_by_any"]),
    quantifiers,
    st.booleans(),
    st.sampled_from(["next", "followed_by", "followed_by_any"]),
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(stages, min_size=1, max_size=3),
    st.booleans(),
    st.lists(st.sampled_from("abcdx"), max_size=8),
    st.sampled_from([inf, 3, 5]),
    st.sampled_from([1, 1_024]),
)
def test_matches_equal_brute_force(
    drawn: list[Any], guarded: bool, letters: list[str], within: float, batch_size: int
) -> None:
    row = [f"{letter}{number}" for number, letter in enumerate(letters)]
    plain: list[Stage] = []
    pattern: Pattern | None = None
    nots: dict[int, str] = {}
    for number, (letter, how, (least, most, _), optional, between) in enumerate(drawn):
        beside_not = guarded and number >= len(drawn) - 2
        optional = optional and number > 0 and not beside_not
        plain.append((letter, how, least, most, optional, between))
        if pattern is None:
            pattern = Pattern.begin("0")
        else:
            if guarded and number == len(drawn) - 1:
                pattern = pattern.not_followed_by("not").where(is_("x"))
                nots[number] = "x"
            pattern = getattr(pattern, how)(str(number))
        pattern = pattern.where(is_(letter))
        if (least, most) != (1, 1):
            pattern = pattern.times_or_more(least) if most == inf else pattern.times(least, int(most))
            pattern = {"next": pattern.consecutive, "followed_by_any": pattern.allow_combinations}.get(
                between, lambda pattern=pattern: pattern
            )()
        if optional:
            pattern = pattern.optional()
    assert pattern is not None
    if within != inf:
        pattern = pattern.within(int(within))
    assert Counter(found(pattern, " ".join(row), batch_size=batch_size)) == brute_force(plain, nots, row, within)
