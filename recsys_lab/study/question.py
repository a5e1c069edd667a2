"""A question, read from its folder: prose in Markdown, code in files that run.

The headings of `question.md` are fixed, so that no question lacks a part: The question, Why it matters, Quiz,
Exercise, Hint 1, Hint 2, Hint 3, Model answer, Self-assessment, Stretch goal. An option of the quiz is a line of
a task list, `- [x]` for the right one, with what to say to who chose it on the indented lines below it.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from string import ascii_lowercase

from recsys_lab.errors import LabError
from recsys_lab.study import questions

HEADINGS = (
    "The question", "Why it matters", "Quiz", "Exercise", "Hint 1", "Hint 2", "Hint 3", "Model answer",
    "Self-assessment", "Stretch goal",
)  # fmt: skip
_OPTION = re.compile(r"^- \[( |x)\] ((?:.+\n?)(?:(?:  .*)?\n)*)", flags=re.MULTILINE)


@dataclass(frozen=True)
class Option:
    """One option of a quiz: its text, whether it is right, and what to say to who chose it."""

    text: str
    right: bool
    because: str


@dataclass(frozen=True)
class Quiz:
    """What is asked, and the options by letter, in their order."""

    asks: str
    options: dict[str, Option]

    def __str__(self) -> str:
        return "\n".join([self.asks, "", *(f"- **{letter}** {each.text}" for letter, each in self.options.items())])


@dataclass(frozen=True)
class Question:
    """A study question. answer: the name that the stub defines; texts are Markdown."""

    id: str
    title: str
    asks: str
    why: str
    quiz: Quiz
    exercise: str
    answer: str
    stub: str
    hints: tuple[str, str, str]
    stretch: str

    def __str__(self) -> str:
        return (
            f"## {self.id}: {self.title}\n\n**{self.asks}**\n\n### Why it matters\n\n{self.why}\n\n"
            f'### Quiz\n\n{self.quiz}\n\nAnswer with `study.quiz({self.id!r}, "a")`.\n\n'
            f"### Exercise\n\n{self.exercise}\n\n```python\n{self.stub}```\n\n"
            f"Hand it in with `study.check({self.id!r}, {self.answer})`; stuck? `study.hint({self.id!r})`."
        )

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        return str(self)


@dataclass(frozen=True)
class Solution:
    """The model answer in words, what to ask yourself, and one way to write it."""

    id: str
    words: str
    self_assessment: tuple[str, ...]
    code: str
    stretch: str

    def __str__(self) -> str:
        asked = "\n".join(f"- {each}" for each in self.self_assessment)
        return (
            f"### {self.id}: a model answer\n\n{self.words}\n\n### Ask yourself\n\n{asked}\n\n"
            f"### One way to write it\n\n```python\n{self.code}```\n\n### Stretch goal\n\n{self.stretch}"
        )

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        return str(self)


@cache
def load(question_id: str) -> Question:
    """The question. Raises LabError for an unknown id, or a folder that lacks a part."""
    title, parts = _text(question_id)
    stub = (questions.folder(question_id) / "stub.py").read_text(encoding="utf-8")
    return Question(
        id=question_id,
        title=title,
        asks=parts["The question"],
        why=parts["Why it matters"],
        quiz=_quiz(question_id, parts["Quiz"]),
        exercise=parts["Exercise"],
        answer=answer_name(stub),
        stub=stub,
        hints=(parts["Hint 1"], parts["Hint 2"], parts["Hint 3"]),
        stretch=parts["Stretch goal"],
    )


@cache
def load_solution(question_id: str) -> Solution:
    """The solution. Raises LabError for an unknown id, or where solutions were taken out (a student's version)."""
    if not has_solution(question_id):
        raise LabError(f"the solution of {question_id} is not part of this version; ask your teacher.")
    _, parts = _text(question_id)
    points = re.findall(r"^- (.+(?:\n  .+)*)", parts["Self-assessment"], flags=re.MULTILINE)
    code = (questions.folder(question_id) / "solution.py").read_text(encoding="utf-8")
    return Solution(question_id, parts["Model answer"], tuple(points), code, parts["Stretch goal"])


def has_solution(question_id: str) -> bool:
    """Whether this is a version with solutions."""
    return (questions.folder(question_id) / "solution.py").is_file()


def answer_name(code: str) -> str:
    """The last public name that the code defines at its top: function, class or variable."""
    names = [name for node in ast.parse(code).body for name in _defines(node) if not name.startswith("_")]
    if not names:
        raise LabError("the stub defines no name; an answer needs one.")
    return names[-1]


def _defines(node: ast.stmt) -> list[str]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    return [node.target.id] if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) else []


def _text(question_id: str) -> tuple[str, dict[str, str]]:
    """Title, and text by heading."""
    text = (questions.folder(question_id) / "question.md").read_text(encoding="utf-8")
    head, *sections = re.split(r"^## ", text, flags=re.MULTILINE)
    parts = {name.strip(): body.strip() for name, _, body in (each.partition("\n") for each in sections)}
    if not has_solution(question_id):
        parts.setdefault("Model answer", "Not part of this version.")
    missing = [name for name in HEADINGS if not parts.get(name)]
    if missing:
        raise LabError(f"the text of {question_id} lacks {', '.join(missing)}; each question has all its parts.")
    return head.strip().removeprefix("# "), parts


def _quiz(question_id: str, text: str) -> Quiz:
    asks, _, _ = text.partition("\n- [")
    options = {}
    for letter, (mark, body) in zip(ascii_lowercase, _OPTION.findall(text + "\n"), strict=False):
        first, _, because = body.partition("\n")
        options[letter] = Option(first.strip(), mark == "x", " ".join(because.split()))
    if sum(option.right for option in options.values()) != 1:
        raise LabError(f"the quiz of {question_id} needs exactly one right option.")
    return Quiz(asks.strip(), options)
