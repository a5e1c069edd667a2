"""What every notebook keeps to: short cells, links that lead somewhere, nothing that differs from run to run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
MOST_LINES = 10
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", flags=re.MULTILINE)

pytestmark = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path: Path, kind: str) -> list[Any]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind]


def text_of(path: Path) -> str:
    return "\n".join(cell.source for cell in cells(path, "markdown"))


def anchors(path: Path) -> set[str]:
    """JupyterLab's ids of headings: their text with hyphens for blanks."""
    return {heading.strip().replace(" ", "-") for heading in HEADING.findall(text_of(path))}


def test_it_opens_with_its_aim_what_it_builds_on_and_how_long_it_takes(path: Path) -> None:
    opening = cells(path, "markdown")[0].source
    assert all(words in opening for words in ("After this you can", "Builds on", "Takes"))


def test_a_cell_has_at_most_ten_lines(path: Path) -> None:
    long = [cell.id for cell in cells(path, "code") if len(cell.source.splitlines()) > MOST_LINES]
    assert long == []


def test_every_link_leads_somewhere(path: Path) -> None:
    for link in LINK.findall(text_of(path)):
        if link.startswith("https://"):
            continue
        file, _, anchor = link.partition("#")
        target = path if not file else (path.parent / file)
        assert target.is_file() or target.suffix == ".ipynb", f"{link}: there is no such file"
        assert not anchor or anchor in anchors(target), f"{link}: there is no such heading"


def test_it_ends_with_takeaways_that_are_linked_to_where_they_were_shown(path: Path) -> None:
    _, _, takeaways = text_of(path).rpartition("## Takeaways")
    points = [line for line in takeaways.splitlines() if line.startswith("- ")]
    assert points
    assert all("](#" in point for point in points)


def test_it_opens_without_asking_for_a_kernel_and_keeps_no_times(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert notebook.metadata.kernelspec.name == "python3"
    assert not any("execution" in cell.metadata for cell in notebook.cells)


def test_no_cell_failed(path: Path) -> None:
    outputs = [output for cell in cells(path, "code") for output in cell.outputs]
    assert [output.ename for output in outputs if output.output_type == "error"] == []
