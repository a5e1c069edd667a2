"""Each answer is judged in a process of its own; whatever it does there, the others get their grades."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from recsys_lab.study.questions import check_of, folder
from recsys_lab.study.teaching import grading
from recsys_lab.study.teaching.grading import by_student, grade
from recsys_lab.study.teaching.submissions import Submission

pytestmark = pytest.mark.integration

ONE = "beginner-3"
SOLUTION = folder(ONE) / "solution.py"

BAD = {
    "syntax error": ("def live(:", "does not run: SyntaxError"),
    "nothing defined": ("x = 1", "does not define `Live`"),
    "ends the process": ("import os\nos._exit(0)", "without a report"),
    "kills itself": ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "without a report"),
    "exits": ("import sys\nsys.exit(3)", "SystemExit"),
    "eats memory": ("class Live:\n    def top(self, k): return list(range(10**9))", "MB of memory"),
    "goes out": (
        "import socket\nclass Live:\n    def top(self, k): socket.create_connection(('192.0.2.1', 80), 1)",
        "may not use the network",
    ),
    "asks for a name": (
        "import urllib.request\nclass Live:\n    def top(self, k): urllib.request.urlopen('http://example.org')",
        "network",
    ),
    "prints a lot": ("print('x' * 10**7)\nclass Live: pass", "AttributeError"),
    "writes the report itself": (
        "import os\nfor n in os.listdir('/dev/fd'):\n    try: os.write(int(n), b'{}')\n    except OSError: 0",
        "without a report",
    ),
}  # fmt: skip


ENDLESS = (
    "class Live:\n    def top(self, k):\n        while True: pass",
    "class Live:\n    def top(self, k): return sum(range(10**13))",  # holds the interpreter, and no thread gets a turn
    "import time\ntime.sleep(10**6)",
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer without an end is waited for as long as a slow machine needs to start one."""
    monkeypatch.setattr(check_of(ONE), "SECONDS", 0.0)


def test_whatever_an_answer_does_it_gets_a_reason_and_the_others_their_grades() -> None:
    submissions = [Submission(name, ONE, code) for name, (code, _) in BAD.items()]
    submissions.append(Submission("good", ONE, SOLUTION.read_text()))
    submissions.append(Submission("unanswered", ONE, (folder(ONE) / "stub.py").read_text()))
    submissions.append(Submission("unreadable", ONE, "", unreadable="it is not a notebook."))

    grades = grade(submissions, memory_mb=600).set_index("student")

    told = {name: (row["state"], row["reason"]) for name, row in grades.iterrows()}
    assert told["good"][0] == "passed"
    assert told["unanswered"] == ("not attempted", "")
    assert told["unreadable"] == ("refused", "it is not a notebook.")
    for name, (_, reason) in BAD.items():
        assert told[name][0] == "refused", name
        assert reason in told[name][1], name


def test_nothing_that_an_answer_started_goes_on_after_it(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    code = (
        "import subprocess, sys\nclass Live:\n    def top(self, k):\n"
        "        child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"        open({str(note)!r}, 'w').write(str(child.pid))\n        return 1"
    )

    assert grade([Submission("ann", ONE, code)])["state"][0] == "refused"

    pid = int(note.read_text())
    psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=30)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_an_answer_does_not_see_the_others_and_leaves_nothing_where_it_was_started(tmp_path: Path) -> None:
    before = sorted(os.listdir())
    code = SOLUTION.read_text() + "\nopen('left behind', 'w').write('x')\n"

    grades = grade([Submission("ann", ONE, code), Submission("bob", ONE, code)], at_once=1)

    assert list(grades["state"]) == ["passed", "passed"]
    assert sorted(os.listdir()) == before


def test_the_table_by_student_counts_what_passed_and_names_what_is_missing() -> None:
    right, wrong = SOLUTION.read_text(), "class Live: pass"
    grades = grade([Submission("ann", ONE, right), Submission("bob", ONE, wrong)])

    table = by_student(grades)

    assert table.loc["ann", "passed"] == 1
    assert table.loc["bob", ONE] == "refused"


def test_progress_is_told_as_answers_are_judged() -> None:
    seen: list[int] = []
    grade([Submission(name, ONE, "x = 1") for name in "ab"], look=seen.append)
    assert seen == [1, 2]


def test_an_answer_without_an_end_is_stopped_whatever_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grading, "START_SECONDS", 5)
    grades = grade([Submission(f"student {number}", ONE, code) for number, code in enumerate(ENDLESS)])
    assert set(grades["reason"]) == {"it had not ended after 5 seconds and was stopped."}
