"""Every notebook in a real browser: it opens calmly, runs without errors, and its widgets answer."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page

from tests.browser.jupyter import (
    CHECKOUT,
    Lab,
    cells_of,
    complaints,
    first_widget,
    move_slider,
    open_notebook,
    pictures,
    printed,
    run_all,
    wait_for_other_pictures,
)
from tests.flink.apache.running import needs_flink

pytestmark = [pytest.mark.browser, pytest.mark.integration]

NOTEBOOKS = [
    pytest.param(path.name, marks=[needs_flink] if path.stem == "05-apache-flink" else [])
    for path in sorted((CHECKOUT / "notebooks").glob("*.ipynb"))
]


def test_the_lab_opens_on_the_first_notebook_with_no_dialog_and_asks_only_this_machine(lab: Lab, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{lab.url}?token={lab.token}")

    page.get_by_role("tab", name="00-start-here.ipynb").wait_for()
    page.wait_for_timeout(3000)  # a news pop-up would come now

    assert complaints(page) == []
    assert [url for url in asked if not url.startswith((lab.url, "data:", "blob:"))] == []


def test_a_page_without_the_token_shows_no_notebook(lab: Lab, page: Page) -> None:
    page.goto(f"{lab.url}lab")

    assert "/login" in page.url


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_a_notebook_runs_from_top_to_bottom_and_its_slider_changes_the_plot(
    lab: Lab, page: Page, notebook: str
) -> None:
    open_notebook(page, lab, notebook)
    run_all(page)
    assert complaints(page) == []
    saved = json.loads((CHECKOUT / "notebooks" / notebook).read_text(encoding="utf-8"))["cells"]
    assert printed(cells_of(page)) == printed(saved)

    widget = first_widget(page)
    assert widget.count() == 1, "no widget with a slider and a picture"
    before = pictures(widget)
    move_slider(page, widget)
    assert wait_for_other_pictures(widget, before), "the slider moved and the plot stayed as it was"
    assert complaints(page) == []
