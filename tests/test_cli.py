"""The command line answers at once, and says in a sentence what is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
COMMANDS = ("lab", "doctor", "simulate", "evaluate", "demo", "kafka", "flink", "study")


def recsys_lab(*arguments: str, cwd: Path = CHECKOUT) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(CHECKOUT), "COLUMNS": "120", "NO_COLOR": "1"}
    return subprocess.run(
        [sys.executable, "-m", "recsys_lab.cli", *arguments],
        cwd=cwd, env=environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def test_help_lists_every_command_in_a_line() -> None:
    shown = recsys_lab("--help")

    assert shown.returncode == 0
    words = shown.stdout.split()
    assert [command for command in COMMANDS if command not in words] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    assert recsys_lab(command, "--help").returncode == 0


def test_help_loads_nothing_heavy() -> None:
    code = "import recsys_lab.cli, sys; print(*sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True)

    assert not {"numpy", "pandas", "matplotlib", "river", "jupyterlab"} & set(shown.stdout.split())


def test_an_error_of_the_lab_is_a_sentence_and_no_traceback(tmp_path: Path) -> None:
    done = recsys_lab("lab", "--root", str(tmp_path), "--no-browser")

    assert done.returncode == 1
    assert done.stderr.startswith("recsys-lab: notebooks/00-start-here.ipynb is not in")
    assert "Traceback" not in done.stderr


def test_an_unknown_command_is_refused() -> None:
    assert recsys_lab("lba").returncode == 2


def test_progress_is_read_where_the_notebooks_keep_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSYS_LAB_PROGRESS", str(tmp_path / "progress.json"))
    (tmp_path / "progress.json").write_text('{"version": 1, "questions": {"beginner-3": {"solved": true}}}')

    shown = recsys_lab("study", "progress").stdout.splitlines()

    assert len(shown) == 12
    assert "beginner-3      solved" in shown
