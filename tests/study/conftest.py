"""Progress of tests goes to a file of their own; answers that are tried on real brokers take their time."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ON_BROKERS = ("beginner-2",)
TRIED = ("test_the_solution_passes", "test_a_right_answer_of_another_build_passes",
         "test_a_wrong_answer_is_refused_for_the_right_reason")  # fmt: skip


@pytest.fixture(autouse=True)
def progress_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "progress.json"
    monkeypatch.setenv("RECSYS_LAB_PROGRESS", str(file))
    return file


@pytest.fixture(autouse=True, scope="module")
def no_brokers_left() -> Iterator[None]:
    """Those that answers to beginner-2 are tried on would go on to the end of the test process."""
    yield
    brokers = sys.modules.get("recsys_lab.study.questions.beginner_2.brokers")
    if brokers is not None:
        brokers.end()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as integration what starts brokers, wherever questions of all kinds are tested alike."""
    for item in items:
        if item.name.startswith(TRIED) and any(question in item.name for question in ON_BROKERS):
            item.add_marker(pytest.mark.integration)
            item.add_marker(pytest.mark.timeout(600))
