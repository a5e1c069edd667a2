"""Judge one answer, in a process of its own: `python -m recsys_lab.study.teaching.one_answer` is what grading runs.

Reads {"question_id", "code"} as JSON from standard input and writes the report as JSON to the file descriptor that the
one argument names. What the answer prints is thrown away. It may reach this machine only: a connection to any other
is refused by an audit hook (PEP 578). That holds off accidents and curiosity, not an attack: the code of strangers
belongs into a container.
"""

from __future__ import annotations

import ipaddress
import os
import sys
from typing import Any

import msgspec

from recsys_lab.study.question import answer_name, load
from recsys_lab.study.questions import check_of
from recsys_lab.study.report import Report, judge, refused

_ASKS_FOR_A_NAME = ("socket.getaddrinfo", "socket.gethostbyname")


def main() -> None:
    report_to = int(sys.argv[1])
    order = msgspec.json.decode(sys.stdin.buffer.read())
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    report = judged(order["question_id"], order["code"])
    os.write(report_to, msgspec.json.encode(report))
    os._exit(0)  # whatever threads the answer has left behind


def judged(question_id: str, code: str) -> Report:
    """The report on the answer that the code defines."""
    check, wanted = check_of(question_id).check, answer_name(load(question_id).stub)
    sys.addaudithook(_stay_at_home)
    names: dict[str, Any] = {"__name__": "__main__"}
    try:
        exec(compile(code, f"<{question_id}>", "exec"), names)
    except BaseException as error:
        return refused(f"it does not run: {type(error).__name__}: {error}")
    if wanted not in names:
        return refused(f"it does not define `{wanted}`.")
    try:
        return judge(check, names[wanted])
    except BaseException as error:  # SystemExit and the like
        return refused(f"it raised {type(error).__name__}: {error}")


def _stay_at_home(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse connections and names that lead away from this machine."""
    if event == "socket.connect":
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else ""  # a Unix socket has a path
    elif event in _ASKS_FOR_A_NAME:
        host = arguments[0]
    else:
        return
    if not _is_here(host):
        raise PermissionError(f"an answer may not use the network, and this one asked for {host!r}")


def _is_here(host: Any) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


if __name__ == "__main__":
    main()
