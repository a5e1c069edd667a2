"""A bench: at most three controls around an experiment, its picture, and one sentence that changes with it.

Every widget of the lab is a `Bench`: controls whose values are the parameters of an experiment, the
experiment (parameters → table), a plot (table → picture) and a sentence (table → text). Where no kernel runs,
on a page of the web, the same picture and sentence stand still in its place; and because its text form is
the sentence, a notebook test compares what the reader reads.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets
import pandas as pd

from recsys_lab.plots.style import Picture

MOST_CONTROLS = 3


class Bench(ipywidgets.VBox):  # type: ignore[misc]
    """Sliders and the like around an experiment.

    title: what it is called. controls: parameter of the experiment → ipywidgets control, at most three.
    experiment: called with the controls' values. plot: of its table. sentence: what its table says.
    """

    def __init__(
        self,
        title: str,
        controls: Mapping[str, ipywidgets.ValueWidget],
        experiment: Callable[..., pd.DataFrame],
        plot: Callable[[pd.DataFrame], Picture],
        sentence: Callable[[pd.DataFrame], str],
    ) -> None:
        if len(controls) > MOST_CONTROLS:
            raise ValueError(f"controls are {len(controls)}; a reader can hold {MOST_CONTROLS} in mind at most.")
        self.title = title
        self.controls = dict(controls)
        self._experiment, self._plot, self._sentence = experiment, plot, sentence
        self._image = ipywidgets.Image(format="png", layout={"max_width": "100%"})
        self._words = ipywidgets.HTML()
        self._seen: dict[tuple[Any, ...], tuple[Picture, str, bytes]] = {}
        heading = ipywidgets.HTML(f"<b>{html.escape(title)}</b>")
        super().__init__([heading, *self.controls.values(), self._words, self._image])
        for control in self.controls.values():
            control.observe(self._on_change, names="value")
        self._show()

    @property
    def sentence(self) -> str:
        """What the picture shows now, in words."""
        return self._now()[1]

    @property
    def picture(self) -> Picture:
        """The picture that is shown now."""
        return self._now()[0]

    def _on_change(self, _: Any) -> None:
        self._words.value = "<i>computing …</i>"
        self._show()

    def _show(self) -> None:
        picture, sentence, png = self._now()
        self._image.value = png
        self._image.width = str(picture.pixels[0])
        self._words.value = html.escape(sentence.removeprefix(picture.finding).lstrip(". "))  # nothing twice

    def _now(self) -> tuple[Picture, str, bytes]:
        values = {name: control.value for name, control in self.controls.items()}
        key = tuple(values.values())
        if key not in self._seen:
            table = self._experiment(**values)
            picture = self._plot(table)
            self._seen[key] = picture, self._sentence(table), picture.to_png()
        return self._seen[key]

    def __repr__(self) -> str:
        return f"{self.title}: {self.sentence}"

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = super()._repr_mimebundle_(**options)
        still = base64.b64encode(self._now()[2]).decode()
        return {**bundle, "text/plain": repr(self), "image/png": still}
