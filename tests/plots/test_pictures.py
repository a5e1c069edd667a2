"""A picture's title is computed from the table it shows."""

from __future__ import annotations

import io

import pandas as pd
from PIL import Image

from recsys_lab import experiments, plots
from recsys_lab.plots.style import Picture, picture
from recsys_lab.study import course
from tests.shops import a_story, some_steps


def a_cache(ttl: float, hit_rate: float, stale_share: float) -> dict[str, float]:
    stale = hit_rate * stale_share
    misses = {"cold": 0.0, "expired": 1 - hit_rate, "invalidated": 0.0, "evicted": 0.0}
    measured = {"mean_ms": 1.0, "p50_ms": 1.0, "p99_ms": 9.0}
    shares = {"hit_rate": hit_rate, "fresh": hit_rate - stale, "stale": stale, "stale_share": stale_share}
    return {"ttl": ttl, "requests": 100, **shares, **misses, "age": 10.0, **measured}


def test_the_cache_picture_speaks_of_the_row_in_focus() -> None:
    table = pd.DataFrame([a_cache(0, 0, 0), a_cache(5, 0.61, 0.08), a_cache(10, 0.7, 0.2)])

    assert plots.cache_staleness(table.assign(now=table["ttl"] == 5)).finding == (
        "A 5-minute cache serves 61 % of requests, 8 % of them stale"
    )
    assert "10-minute" in plots.cache_staleness(table).finding
    assert plots.cache_staleness(table.assign(ttl=18)).finding.startswith("An 18-minute")
    assert "no cache" in plots.cache_staleness(table.assign(now=table["ttl"] == 0)).finding


def test_the_latency_picture_says_when_the_cache_does_not_help() -> None:
    slow_cache = pd.DataFrame({"computed_ms": [1.0, 1.0], "cached_ms": [2.0, 3.0]})

    assert plots.request_latency(slow_cache).finding == "The cache saves no time here"
    assert "sooner" in plots.request_latency(slow_cache.rename(columns=_swapped)).finding


def _swapped(column: str) -> str:
    return {"computed_ms": "cached_ms", "cached_ms": "computed_ms"}[column]


def test_the_timeline_counts_requests_or_tells_the_step_in_focus() -> None:
    story = a_story()

    assert plots.event_timeline(story).finding.startswith("8 requests: 6 computed, 2 from the cache")
    in_focus = story.assign(now=story["step"] == 4)
    assert plots.event_timeline(in_focus).finding == "Step 4 of 13: A minute later you ask once more."
    assert plots.timeline_sentence(in_focus).startswith("09:01:30: the answer was kept")


def test_every_step_of_the_story_has_a_meaning() -> None:
    story = a_story()

    sentences = [plots.timeline_sentence(story.assign(now=story["step"] == step)) for step in story["step"].unique()]
    assert all(sentence.endswith(".") for sentence in sentences)


def test_the_readers_picture_says_what_was_missed_and_what_failed() -> None:
    assert plots.subscribers(experiments.subscribers()).finding == (
        "The slow reader misses 60 of 120 events; 12 errors of the failing one stop nobody"
    )
    assert "misses nothing" in plots.subscribers_sentence(experiments.subscribers(slow_seconds=0.5))


def test_the_warm_up_picture_compares_a_stranger_with_the_first_item_known() -> None:
    rows = [
        (0, "ItemNeighbours", 0.05),
        (0, "Popularity", 0.05),
        (1, "ItemNeighbours", 0.25),
        (1, "Popularity", 0.04),
    ]
    table = pd.DataFrame(rows, columns=["known", "recommender", "hit_rate"])

    assert plots.warm_up(table).finding == "A stranger's next item is shown 5 % of the time; with one item known, 25 %"


def test_the_shelf_picture_counts_what_is_new() -> None:
    steps = some_steps()

    assert plots.shelf(steps[steps["step"] == 0]).finding.startswith("Nothing is known of you")
    assert "After 1 view" in plots.shelf(steps[steps["step"] == 1]).finding


def test_a_picture_is_shown_sharp_and_told_in_words() -> None:
    shown: Picture = plots.package_map(course.parts())

    data, metadata = shown._repr_mimebundle_()
    assert data["text/plain"] == f"Picture: {shown.finding}"
    assert metadata["image/png"]["width"] == shown.pixels[0]


def test_the_map_of_the_course_has_a_box_for_each_notebook() -> None:
    shown: Picture = plots.course_map(course.notebooks())
    texts = [text.get_text() for text in shown.axes[0].texts]
    assert shown.finding.startswith("12 notebooks")
    assert all(number in texts for number in course.notebooks()["number"])


def test_a_picture_of_few_colours_keeps_its_white_background() -> None:
    figure, (ax,) = picture("Many shades of blue")
    ax.imshow([[number / 400 for number in range(400)]], cmap="Blues", aspect="auto")

    background = Image.open(io.BytesIO(figure.to_png())).convert("RGB").getpixel((0, 0))
    assert background == (255, 255, 255)
