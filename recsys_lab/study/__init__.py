"""Study: what the course asks, and how answers are judged: by what they do, in sentences that teach.

question("beginner-3")            the question, why it matters, a quiz, the exercise with its stub
quiz("beginner-3", "b")           is b the right one, and why
check("beginner-3", answer)       what the answer does right, or the first thing it does wrong
hint("beginner-3")                the next of three hints
solution("beginner-3")            the model answer, and one way to write it
progress()                        how far you have come, as a map
"""

from recsys_lab.study.desk import check, hint, progress, question, quiz, solution
from recsys_lab.study.questions import IDS
from recsys_lab.study.report import Report

__all__ = ["IDS", "Report", "check", "hint", "progress", "question", "quiz", "solution"]
