"""The dashboard and the drift lab: figures that change with the run, a picture that changes with the control."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from recsys_lab import experiments, widgets
from tests.shops import small_shop


def with_dashboard(work: Callable[[widgets.Dashboard], Coroutine[Any, Any, None]]) -> widgets.Dashboard:
    """A dashboard of the small shop, after the work; closed in the end."""

    async def run() -> widgets.Dashboard:
        live = widgets.dashboard(experiments.shop_run(small_shop().head(900), report_every=200))
        await work(live)
        await live.stop()
        return live

    return asyncio.run(run())


def test_nothing_has_happened_before_the_run_begins() -> None:
    async def nothing(live: widgets.Dashboard) -> None: ...

    live = with_dashboard(nothing)
    assert repr(live) == "The dashboard: nothing has happened yet"
    assert live.table.empty
    assert "image/png" not in live._repr_mimebundle_()


def test_it_advances_by_stretches_and_shows_every_figure() -> None:
    seen: list[bytes] = []

    async def two_and_one(live: widgets.Dashboard) -> None:
        await live.advance(2)
        seen.append(live._image.value)
        await live.advance()

    live = with_dashboard(two_and_one)
    assert live.table["interactions"].tolist() == [200, 400, 600]
    assert "600 of 900" in repr(live)
    assert live._image.value != seen[0]
    for row in experiments.figure_rows(live._seen[-1]):
        assert row.name in live._figures.value


def test_where_no_kernel_runs_the_last_picture_stands_still() -> None:
    async def one(live: widgets.Dashboard) -> None:
        await live.advance()

    live = with_dashboard(one)
    bundle = live._repr_mimebundle_()
    assert base64.b64decode(bundle["image/png"]) == live._image.value
    assert bundle["text/plain"] == repr(live)


def test_a_click_lets_it_run_to_its_end_and_a_second_one_pauses_it() -> None:
    async def clicks(live: widgets.Dashboard) -> None:
        live._button.click()
        assert live.is_running
        assert live._button.description == "Pause"
        while len(live.table) < 1:
            await asyncio.sleep(0.01)
        live._button.click()
        assert live._button.description == "Run"
        await asyncio.sleep(0.3)
        paused = len(live.table)
        await asyncio.sleep(0.3)
        assert len(live.table) == paused
        live._button.click()
        while not live._button.disabled:
            await asyncio.sleep(0.01)

    live = with_dashboard(clicks)
    assert live.table["interactions"].tolist() == [200, 400, 600, 800, 900]


def test_a_run_that_fails_says_so() -> None:
    async def broken() -> AsyncIterator[Any]:
        raise RuntimeError("the shop burned down")
        yield

    async def run() -> widgets.Dashboard:
        live = widgets.dashboard(broken())
        live._button.click()
        while live.is_running:
            await asyncio.sleep(0.01)
        return live

    live = asyncio.run(run())
    assert "the shop burned down" in live._figures.value
    assert live._button.disabled


@pytest.mark.integration
def test_the_drift_lab_moves_with_each_control() -> None:
    lab = widgets.drift_lab(seeds=[0])
    shown = [lab.sentence]
    for control, value in (("calm", 1), ("kind", "new items"), ("calm", 4), ("detector", "Page-Hinkley")):
        lab.controls[control].value = value
        shown.append(lab.sentence)
    assert len(set(shown)) == len(shown)
    assert "heard of after" in shown[0]
    assert "not heard of" in shown[3]
