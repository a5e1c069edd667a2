"""The twelve questions. Each is a folder: its text, the stub, the check, a solution.

question.md    the prose, under the headings of `recsys_lab.study.question`
stub.py        what the learner completes; the last name that it defines is the answer
check.py       check(answer) -> str: a sentence on what it got right; raises NotYet; SECONDS it may take;
               IN_PLACE when it shares what only this process can have, such as brokers, and so cannot run `apart`
solution.py    one way to write it, under the same name
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

from recsys_lab.errors import LabError, shorten

LEVELS = ("beginner", "intermediate", "advanced")
IDS = tuple(f"{level}-{number}" for level in LEVELS for number in (1, 2, 3, 4))
_HERE = Path(__file__).parent


def folder(question_id: str) -> Path:
    """Where the question lies. Raises LabError for an id that is none of IDS."""
    if question_id not in IDS:
        raise LabError(f"question id is {shorten(question_id)}; it is one of {', '.join(IDS)}.")
    return _HERE / question_id.replace("-", "_")


def check_of(question_id: str) -> ModuleType:
    """The module with the question's `check` and `SECONDS`; imported only when an answer is judged."""
    return import_module(f"{__name__}.{folder(question_id).name}.check")
