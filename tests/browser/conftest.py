"""One browser and one JupyterLab for all browser tests; of a page on which one failed a picture is kept."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.jupyter import CHECKOUT, VIEWPORT, Lab, chromium, end_kernels, running_lab, start_browser

SCREENSHOTS = Path(__file__).parent / "screenshots"
NO_BROWSER = "no Chromium on this machine: NOTHING WAS TESTED IN A BROWSER (sudo apt install chromium)"

outcome = pytest.StashKey[pytest.TestReport]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    if report.when == "call":
        item.stash[outcome] = report
    return report


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium; without one the tests are skipped at home and fail in CI.

    For one module: while it runs, Playwright holds the event loop of this thread, and asyncio.run is refused.
    """
    if chromium() is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(NO_BROWSER)
    with sync_playwright() as playwright:
        running = start_browser(playwright)
        yield running
        running.close()


@pytest.fixture(scope="module")
def lab(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab on a copy of the course's notebooks."""
    with running_lab(tmp_path_factory.mktemp("lab"), CHECKOUT / "notebooks") as running:
        yield running


@pytest.fixture(autouse=True)
def one_kernel_at_a_time(lab: Lab) -> Iterator[None]:
    """What a notebook has started ends with its test: kernels, and the brokers and clusters that they hold."""
    yield
    end_kernels(lab)


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A fresh page; after a failure its picture is kept in tests/browser/screenshots."""
    page = browser.new_page(viewport=VIEWPORT)
    yield page
    report = request.node.stash.get(outcome, None)
    if report is not None and report.failed:
        SCREENSHOTS.mkdir(exist_ok=True)
        name = "".join(letter if letter.isalnum() else "-" for letter in request.node.name)
        page.screenshot(path=SCREENSHOTS / f"{name}.png")
    page.close()
