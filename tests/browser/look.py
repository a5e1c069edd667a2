"""Look at a notebook as a student sees it: run it in JupyterLab and save screenshots, a screenful a picture.

    python -m tests.browser.look notebooks/01-events-and-streams.ipynb OUT_DIR

The notebook is run in a copy. Errors, dialogs and broken widgets are listed; with any, the exit code is 1.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from recsys_lab.lab import FIRST_NOTEBOOK
from tests.browser.jupyter import VIEWPORT, complaints, open_notebook, run_all, running_lab, start_browser

SCROLLED = ".jp-Notebook .jp-WindowedPanel-outer, .jp-Notebook.jp-mod-scrollPastEnd, .jp-NotebookPanel-notebook"
OVERLAP = 80


def main() -> int:
    """Run one notebook in the browser and save what it looks like."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebook", type=Path)
    parser.add_argument("out", type=Path, help="folder for the pictures; page-*.png in it are replaced")
    parser.add_argument("--as-committed", action="store_true", help="show the saved outputs; run nothing")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for old in options.out.glob("page-*.png"):
        old.unlink()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        course = Path(folder) / "source"
        course.mkdir()
        shutil.copy(options.notebook, course)
        shutil.copy(options.notebook, course / Path(FIRST_NOTEBOOK).name)
        with running_lab(Path(folder), course) as lab:
            page = start_browser(playwright).new_page(viewport=VIEWPORT)
            open_notebook(page, lab, options.notebook.name)
            if not options.as_committed:
                run_all(page)
            found = complaints(page)
            count = photograph(page, options.out)
    print(f"{count} pictures in {options.out}")
    print("\n".join(found) or "no errors, no dialogs")
    return 1 if found else 0


def photograph(page: Page, out: Path) -> int:
    """Save the current notebook from top to bottom as page-01.png, page-02.png …; returns how many."""
    page.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area')")
    page.wait_for_timeout(300)
    total, step = page.evaluate(
        """selector => {
            const nodes = [...document.querySelectorAll(selector)];
            window.scrolled = nodes.find(node => node.scrollHeight > node.clientHeight + 1) ?? nodes[0];
            const top = window.scrolled.getBoundingClientRect().top - window.scrolled.scrollTop;
            const last = [...document.querySelectorAll('.jp-Notebook .jp-Cell')].at(-1);
            const end = last ? last.getBoundingClientRect().bottom - top : window.scrolled.scrollHeight;
            return [end, window.scrolled.clientHeight];
        }""",
        SCROLLED,
    )
    tops = range(0, max(1, round(total) - OVERLAP), step - OVERLAP)
    for number, top in enumerate(tops, start=1):
        page.evaluate("top => window.scrolled.scrollTo(0, top)", top)
        page.wait_for_timeout(300)
        page.screenshot(path=out / f"page-{number:02}.png")
    return len(tops)


if __name__ == "__main__":
    raise SystemExit(main())
