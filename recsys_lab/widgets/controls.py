"""The controls of a bench, all of one look: the label in full, the value beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import ipywidgets

_LOOK = {"style": {"description_width": "220px"}, "layout": {"width": "620px"}}


def slider(label: str, value: int, least: int, most: int) -> ipywidgets.IntSlider:
    """Whole numbers from `least` to `most`; the picture follows when it is let go."""
    return ipywidgets.IntSlider(value, least, most, description=label, continuous_update=False, **_LOOK)


def choice(
    label: str, value: float | str, options: Sequence[float] | Sequence[tuple[str, float | str]]
) -> ipywidgets.SelectionSlider:
    """One of a few numbers, or of a few pairs (what is shown, value)."""
    return ipywidgets.SelectionSlider(
        value=value, options=list(options), description=label, continuous_update=False, **_LOOK
    )


def menu(label: str, options: Mapping[str, str]) -> ipywidgets.Dropdown:
    """One of a few texts; what is shown → the value. The first is chosen."""
    return ipywidgets.Dropdown(options=list(options.items()), description=label, **_LOOK)


def switch(label: str, on: bool) -> ipywidgets.Checkbox:
    """On or off; the label says what is true when it is on."""
    return ipywidgets.Checkbox(on, description=label, indent=True, **_LOOK)
