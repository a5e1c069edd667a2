"""Imports point one way, as the package's map says; the layers themselves stand in pyproject.toml."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

CHECKOUT = Path(__file__).resolve().parents[1]

# What these may know of the lab: nothing else, neither directly nor through a helper module of their own.
MAY_IMPORT = {
    "plots": {"errors"},
    "widgets": {"errors", "experiments", "plots", "study"},
}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("recsys_lab", cache_dir=None)


def test_the_layers_of_the_package_are_kept() -> None:
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command as lint; lint()",
        "--no-cache",
    ]
    done = subprocess.run(
        command, cwd=CHECKOUT, env=os.environ | {"PYTHONPATH": str(CHECKOUT)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("part", sorted(MAY_IMPORT))
def test_a_part_knows_only_what_it_may(graph: grimp.ImportGraph, part: str) -> None:
    name = f"recsys_lab.{part}"
    if name not in graph.modules:
        pytest.skip(f"{name} is not there yet")
    imported = {
        target.split(".")[1]
        for module in {name, *graph.find_descendants(name)}
        for target in graph.find_modules_directly_imported_by(module)
        if target.startswith("recsys_lab.")
    }
    assert imported - {part} <= MAY_IMPORT[part]


def test_importing_the_package_imports_nothing_heavy() -> None:
    heavy = {"numpy", "pandas", "matplotlib", "river", "IPython", "typer"}
    shown = subprocess.run(
        [sys.executable, "-c", "import recsys_lab, sys; print(*sys.modules)"],
        cwd=CHECKOUT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert not heavy & set(shown.stdout.split())
