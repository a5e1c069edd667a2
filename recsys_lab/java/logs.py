"""What a Java program wrote to its log, and the line of it that a reader needs."""

from __future__ import annotations

from pathlib import Path


def read(path: Path) -> str:
    """All of a log; empty where there is none."""
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def reason(log: str) -> str:
    """The line that says best what went wrong: the innermost cause, or the first complaint, or the last line."""
    lines = _lines(log)
    causes = [line for line in lines if line.startswith("Caused by: ")]
    complaints = [line for line in lines if "Exception: " in line] or [
        line for line in lines if " ERROR " in line or " FATAL " in line
    ]
    return ([*causes[-1:], *complaints, last_line(log)])[0][:400]


def last_line(log: str) -> str:
    """How far it got."""
    return ([*_lines(log)[-1:], "it wrote nothing"])[0][:400]


def _lines(log: str) -> list[str]:
    return [line.strip() for line in log.splitlines() if line.strip()]
