"""Every picture that these tests draw is measured: no writing runs into other writing, or off the picture."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest
from matplotlib.text import Text
from matplotlib.transforms import BboxBase

from recsys_lab.plots.style import Picture


@pytest.fixture(autouse=True)
def writing_fits(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The finding, the titles of panels and the labels of axes keep clear of each other."""
    drawn: list[Picture] = []
    make = Picture.__init__

    def noted(self: Picture, *args: Any, **options: Any) -> None:
        make(self, *args, **options)
        drawn.append(self)

    monkeypatch.setattr(Picture, "__init__", noted)
    yield
    assert [clash for figure in drawn for clash in _clashes(figure)] == []


def _clashes(figure: Picture) -> list[str]:
    figure.draw_without_rendering()
    places = [(text.get_text(), text.get_window_extent()) for text in _writing(figure)]
    paper = figure.bbox
    off = [f"{figure.finding}: {said!r} runs off" for said, box in places if not _within(box, paper)]
    return off + [
        f"{figure.finding}: {one!r} runs into {other!r}"
        for (one, place), (other, taken) in combinations(places, 2)
        if place.overlaps(taken)
    ]


def _writing(figure: Picture) -> list[Text]:
    texts = [figure._suptitle] if figure._suptitle is not None else []  # type: ignore[attr-defined]
    for ax in figure.axes:
        if ax.get_visible():
            texts += [ax.title, ax._left_title, ax._right_title]  # type: ignore[attr-defined]
            texts += [ax.xaxis.label, ax.yaxis.label] if ax.axison else []
    return [text for text in texts if text.get_visible() and text.get_text().strip()]


def _within(box: BboxBase, paper: BboxBase) -> bool:
    return box.x0 >= -1 and box.y0 >= -1 and box.x1 <= paper.x1 + 1 and box.y1 <= paper.y1 + 1
