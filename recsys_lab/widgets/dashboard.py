"""The dashboard: a shop at work, its figures as they change.

The run goes on in the notebook's own event loop: with `advance`, which a cell awaits, or by itself after a click on
Run, between cells. Where no kernel runs, the last picture and figures stand still.
"""

from __future__ import annotations

import asyncio
import base64
import html
from collections.abc import AsyncIterator
from typing import Any

import ipywidgets
import pandas as pd

from recsys_lab import experiments, plots
from recsys_lab.plots.style import Picture


class Dashboard(ipywidgets.VBox):  # type: ignore[misc]
    """The figures of a run as a table and as a picture, and a button that lets the run go on or pause.

    run: gives the figures of each stretch, such as `experiments.shop_run`. Nothing runs until `advance` or a click.
    """

    def __init__(self, run: AsyncIterator[Any]) -> None:
        self._run, self._seen = run, list[Any]()
        self._task: asyncio.Task[None] | None = None
        self._button = ipywidgets.Button(description="Run", icon="play")
        self._figures = ipywidgets.HTML("<i>Nothing has happened yet.</i>")
        self._image = ipywidgets.Image(format="png", layout={"max_width": "100%"})
        self._button.on_click(self._on_click)
        super().__init__([ipywidgets.HTML("<b>The shop, live</b>"), self._button, self._image, self._figures])

    @property
    def table(self) -> pd.DataFrame:
        """A row for each stretch so far; see `experiments.live_table`. Empty before the first."""
        table: pd.DataFrame = experiments.live_table(self._seen) if self._seen else pd.DataFrame()
        return table

    @property
    def picture(self) -> Picture:
        """The picture of the run so far."""
        return plots.dashboard(self.table)

    @property
    def is_running(self) -> bool:
        """Whether it goes on by itself."""
        return self._task is not None and not self._task.done()

    async def advance(self, stretches: int = 1) -> None:
        """Let the run go on for so many stretches, or to its end; drawn after each. Pauses it first."""
        await self.pause()
        for _ in range(stretches):
            if not await self._step():
                return

    async def pause(self) -> None:
        """Stop going on by itself, after the stretch at hand."""
        task, self._task = self._task, None
        self._button.description, self._button.icon = "Run", "play"
        if task is not None and task is not asyncio.current_task():
            await task

    async def stop(self) -> None:
        """Close the shop; what was seen remains. Safe to call twice."""
        await self.pause()
        await self._run.aclose()  # type: ignore[attr-defined]
        self._button.disabled = True

    def _on_click(self, _: Any) -> None:
        if self.is_running:
            self._task = None  # `_go_on` sees it after the stretch at hand
            self._button.description, self._button.icon = "Run", "play"
        else:
            self._button.description, self._button.icon = "Pause", "pause"
            self._task = asyncio.ensure_future(self._go_on())

    async def _go_on(self) -> None:
        me = asyncio.current_task()
        try:
            while self._task is me and await self._step():
                await asyncio.sleep(0.05)  # clicks come in here
        except Exception as error:  # nobody awaits this task: the reader must see it here
            self._figures.value = f"<b>The run has failed:</b> {html.escape(f'{type(error).__name__}: {error}')}"
            self._button.disabled = True

    async def _step(self) -> bool:
        """One stretch; False when there is none left."""
        try:
            self._seen.append(await anext(self._run))
        except StopAsyncIteration:
            self._button.disabled = True
            return False
        self._draw()
        return True

    def _draw(self) -> None:
        picture = self.picture
        self._image.value = picture.to_png()
        self._image.width = str(picture.pixels[0])
        cells = "".join(
            f"<tr><td>{html.escape(row.name)}</td><td><b>{html.escape(row.value)}</b></td>"
            f"<td style='color:#666'>{html.escape(row.meaning)}</td></tr>"
            for row in experiments.figure_rows(self._seen[-1])
        )
        self._figures.value = f"<table style='font-size:13px;line-height:1.35'>{cells}</table>"

    def __repr__(self) -> str:
        return f"The dashboard: {plots.dashboard_finding(self.table) if self._seen else 'nothing has happened yet'}"

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = super()._repr_mimebundle_(**options)
        still = base64.b64encode(self._image.value).decode()
        return {**bundle, "text/plain": repr(self), **({"image/png": still} if still else {})}


def dashboard(run: AsyncIterator[Any]) -> Dashboard:
    """A live dashboard of a run. run: of `experiments.shop_run`."""
    return Dashboard(run)
