"""The maps of the package and of the course are drawn from the truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grimp
import nbformat
import pytest

from recsys_lab.study import course

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


def test_every_arrow_of_the_map_is_an_import() -> None:
    graph = grimp.build_graph("recsys_lab", cache_dir=None)

    def modules_of(part: str) -> set[str]:
        return {f"recsys_lab.{part}", *graph.find_descendants(f"recsys_lab.{part}")}

    for row in course.parts().itertuples():
        for user in row.used_by:
            imported = {
                target for module in modules_of(user) for target in graph.find_modules_directly_imported_by(module)
            }
            assert modules_of(str(row.part)) & imported, f"{user} does not use {row.part}"


@pytest.mark.parametrize("row", list(course.notebooks().itertuples()), ids=lambda row: row.number)
def test_the_map_of_the_course_says_what_the_notebooks_say(row: Any) -> None:
    (file,) = NOTEBOOKS.glob(f"{row.number}-*.ipynb")
    opening = nbformat.read(file, as_version=4).cells[0].source

    assert f"{row.minutes} minutes" in opening
    assert all(before < row.number for before in row.builds_on)


def test_the_readme_links_each_notebook_with_its_time() -> None:
    readme = (NOTEBOOKS.parent / "README.md").read_text(encoding="utf-8")
    for row in course.notebooks().itertuples():
        (file,) = NOTEBOOKS.glob(f"{row.number}-*.ipynb")
        (line,) = (line for line in readme.splitlines() if line.startswith(f"| {row.number} |"))
        assert f"(notebooks/{file.name})" in line
        assert f"| {row.minutes} min |" in line
