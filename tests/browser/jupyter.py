"""JupyterLab as a student meets it: our own launcher, a fresh home, the system's Chromium.

Notebooks are run in a copy, so looking at them never changes the tree. Used by the browser tests and by
`python -m tests.browser.look`.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page, Playwright, TimeoutError

from recsys_lab.doctor import BROWSERS
from recsys_lab.java.jars import cache_folder

CHECKOUT = Path(__file__).resolve().parents[2]
VIEWPORT = {"width": 1400, "height": 1000}

START_SECONDS = 240
RUN_SECONDS = 240
PATIENCE_SECONDS = 90

LOG = "jupyterlab.log"
LAST_WORDS = 3000

QUIET_CHROMIUM = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-sync",
    "--no-first-run",
]


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab: where it answers, its token, the folder it shows, its process."""

    url: str
    token: str
    root: Path
    process: subprocess.Popen[bytes]

    def address(self, notebook: str) -> str:
        """The page of one notebook, opened alone, as after `recsys-lab lab`."""
        return f"{self.url}lab/tree/notebooks/{notebook}?reset&token={self.token}"


def chromium() -> str | None:
    """The system's Chromium, or None."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def start_browser(playwright: Playwright) -> Browser:
    """The system's Chromium without a window; it asks nothing of the network by itself."""
    return playwright.chromium.launch(executable_path=chromium(), args=QUIET_CHROMIUM, chromium_sandbox=False)


@contextmanager
def running_lab(folder: Path, notebooks: Path) -> Iterator[Lab]:
    """JupyterLab on a copy of `notebooks` in `folder`, with an empty home, ended by Ctrl-C."""
    root = folder / "course"
    shutil.copytree(notebooks, root / "notebooks", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    home = folder / "home"
    home.mkdir()
    environment = os.environ | {
        "HOME": str(home),
        "PYTHONPATH": str(CHECKOUT),
        "RECSYS_LAB_CACHE": str(cache_folder()),  # what `make lab` has fetched
    }
    command = [sys.executable, "-m", "recsys_lab.cli", "lab", "--root", str(root), "--no-browser"]
    with open(folder / LOG, "wb") as log:
        process = subprocess.Popen(
            [*command, "--LabApp.expose_app_in_browser=True"], env=environment, stdout=log, stderr=log
        )
        try:
            yield _when_ready(process, root, Path(log.name))
        finally:
            end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """One Ctrl-C; a server that has not gone after 20 seconds is killed, which a test then notices."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def end_kernels(lab: Lab) -> None:
    """End all kernels of this lab."""
    for kernel in json.loads(_asked(lab, "GET", "api/kernels")):
        _asked(lab, "DELETE", f"api/kernels/{kernel['id']}")


def _asked(lab: Lab, method: str, path: str) -> bytes:
    headers = {"Authorization": f"token {lab.token}"}
    with urllib.request.urlopen(urllib.request.Request(lab.url + path, method=method, headers=headers)) as answer:
        return bytes(answer.read())


def open_notebook(page: Page, lab: Lab, notebook: str) -> None:
    """Open a notebook's page and wait until its kernel waits for work.

    A page that is not ready in good time is loaded once more, as a student would; what it hung on is told in a
    warning, or in the error when the second try fails too.
    """
    try:
        _open(page, lab, notebook, PATIENCE_SECONDS)
    except TimeoutError:
        warnings.warn(f"{notebook} was loaded a second time; at first it hung: {_state(page, lab)}", stacklevel=2)
        try:
            _open(page, lab, notebook, START_SECONDS)
        except TimeoutError as error:
            raise AssertionError(f"{notebook} does not open, twice: {_state(page, lab)}") from error


def _open(page: Page, lab: Lab, notebook: str, seconds: float) -> None:
    page.goto(lab.address(notebook), timeout=seconds * 1000)
    page.wait_for_function(
        """() => {
            const panel = window.jupyterapp?.shell.currentWidget;
            return panel?.sessionContext?.session?.kernel?.status === 'idle' && panel.context?.isReady;
        }""",
        timeout=seconds * 1000,
    )


def _state(page: Page, lab: Lab) -> str:
    """What the page and the server know of the notebook and its kernel."""
    seen = page.evaluate(
        """() => {
            const panel = window.jupyterapp?.shell.currentWidget;
            const kernel = panel?.sessionContext?.session?.kernel;
            return {panel: panel?.title.label, read: panel?.context?.isReady, kernel: kernel?.status,
                connection: kernel?.connectionStatus};
        }"""
    )
    server = _asked(lab, "GET", "api/sessions").decode()
    log = (lab.root.parent / LOG).read_text()
    return f"the page has {seen}, the server has {server}, JupyterLab said at last:\n{log[-LAST_WORDS:]}"


def run_all(page: Page) -> None:
    """Run > Run All Cells, and wait until the last cell is done."""
    page.evaluate(
        """() => {
            window.allCellsRan = false;
            window.jupyterapp.commands.execute('runmenu:run-all').then(() => { window.allCellsRan = true; });
        }"""
    )
    page.wait_for_function(
        """() => window.allCellsRan
            && window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'""",
        timeout=RUN_SECONDS * 1000,
    )
    page.wait_for_timeout(500)  # widgets draw what their last messages brought


def complaints(page: Page) -> list[str]:
    """What a student would stumble over: errors in outputs, broken widgets, dialogs, pop-ups."""
    errors: list[str] = page.evaluate(
        """() => window.jupyterapp.shell.currentWidget.content.widgets.flatMap((cell, number) => {
            const expected = (cell.model.getMetadata('tags') ?? []).includes('raises-exception');
            const outputs = expected ? [] : (cell.model.outputs?.toJSON() ?? []);
            return outputs.filter(output => output.output_type === 'error')
                .map(output => `cell ${number + 1}: ${output.ename}: ${output.evalue}`);
        })"""
    )
    in_widgets = page.locator('.jp-OutputArea .jupyter-widgets [data-mime-type="application/vnd.jupyter.error"]')
    broken = page.get_by_text("Error displaying widget")
    dialogs = page.locator(".jp-Dialog")
    toasts = page.locator(".Toastify__toast")
    for what, found in (("widget", in_widgets), ("widget", broken), ("dialog", dialogs), ("pop-up", toasts)):
        errors += [f"{what}: {text.strip()}" for text in found.all_inner_texts()]
    return errors


def cells_of(page: Page) -> list[dict[str, Any]]:
    """The notebook's cells as its file would have them, now."""
    cells: list[dict[str, Any]] = page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.content.widgets.map(cell => cell.model.toJSON())"
    )
    return cells


def printed(cells: list[dict[str, Any]]) -> list[list[str]]:
    """The lines that each cell printed; of cells whose text may differ from run to run nothing, as with nbval."""
    return [
        "".join("".join(output["text"]) for output in cell["outputs"] if output.get("name") == "stdout").splitlines()
        for cell in cells
        if cell["cell_type"] == "code" and "nbval-ignore-output" not in cell["metadata"].get("tags", ())
    ]


def first_widget(page: Page) -> Locator:
    """The first output that holds a slider and a picture."""
    outputs = page.locator(".jp-OutputArea-output").filter(has=page.locator(".noUi-handle"))
    return outputs.filter(has=page.locator("img")).first


def pictures(widget: Locator) -> list[str]:
    """A checksum of the bytes of each picture in a widget."""
    shown: list[str] = widget.evaluate(
        """async node => Promise.all([...node.querySelectorAll('img')].map(async image => {
            const bytes = await (await fetch(image.src)).arrayBuffer();
            return [...new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))].join();
        }))"""
    )
    return shown


def move_slider(page: Page, widget: Locator) -> None:
    """One step with the keyboard: to the right, or to the left from the far end."""
    handle = widget.locator(".noUi-handle").first
    handle.scroll_into_view_if_needed()
    at_the_end = handle.get_attribute("aria-valuenow") == handle.get_attribute("aria-valuemax")
    handle.focus()
    page.keyboard.press("ArrowLeft" if at_the_end else "ArrowRight")


def wait_for_other_pictures(widget: Locator, before: list[str], seconds: float = 20) -> bool:
    """True as soon as the widget shows something else than `before`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if pictures(widget) != before:
            return True
        time.sleep(0.2)
    return False


def _when_ready(process: subprocess.Popen[bytes], root: Path, log: Path) -> Lab:
    """JupyterLab writes its address and token to its runtime folder once it answers."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        for file in (root / ".lab" / "runtime").glob("jpserver-*.json"):
            server: dict[str, Any] = json.loads(file.read_text())
            return Lab(server["url"], server["token"], root, process)
        time.sleep(0.1)
    raise RuntimeError(f"JupyterLab did not start within {START_SECONDS} s; it said:\n{log.read_text()}")
