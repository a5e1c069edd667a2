"""Nothing reads the wall clock, global randomness or fresh ids behind the reader's back; nothing unpickles.

The rule is "one clock, one seed, one source of ids". It is checked on the source: names are resolved
through each module's imports. `SystemClock` may read the clock, and code that shows faults on purpose
(folders or modules named `faults` or `wrong`) may do as it likes.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "recsys_lab"

HIDDEN = {
    "datetime.date.today",
    "datetime.datetime.now",
    "datetime.datetime.today",
    "datetime.datetime.utcnow",
    "pandas.Timestamp.now",
    "pandas.Timestamp.today",
    "pandas.Timestamp.utcnow",
    "pandas.read_pickle",
    "time.ctime",
    "time.gmtime",
    "time.localtime",
    "time.time",
    "time.time_ns",
    "uuid.uuid1",
    "uuid.uuid4",
}
SEEDED = {
    "numpy.random.MT19937",
    "numpy.random.PCG64",
    "numpy.random.Philox",
    "numpy.random.SeedSequence",
    "numpy.random.default_rng",
    "random.Random",
}  # fine when a seed is given
TYPES = {"numpy.random.BitGenerator", "numpy.random.Generator"}
RANDOM = ("random.", "numpy.random.")
PICKLES = {"cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve"}


def hidden_inputs(source: str) -> list[str]:
    """`line: name` of everything in a module's source that is not decided by what it is handed."""
    tree = ast.parse(source)
    names = dict(_imported_names(tree))
    found = [(node.lineno, name) for node, name in _imports_of_pickles(tree)]
    for node in _nodes_outside_system_clock(tree):
        if isinstance(node, ast.Call) and _dotted(node.func, names) in SEEDED and not _has_seed(node):
            found.append((node.lineno, f"{_dotted(node.func, names)} without a seed"))
        elif isinstance(node, (ast.Attribute, ast.Name)) and _is_hidden(_dotted(node, names)):
            found.append((node.lineno, _dotted(node, names)))
    return [f"{line}: {name}" for line, name in sorted(set(found))]


def _is_hidden(name: str) -> bool:
    return name in HIDDEN or (name.startswith(RANDOM) and name not in SEEDED | TYPES)


def _has_seed(call: ast.Call) -> bool:
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    return bool(given) and not (isinstance(given[0], ast.Constant) and given[0].value is None)


def _imported_names(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Local name to full dotted name, for every import of the module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield (alias.asname, alias.name) if alias.asname else (alias.name.split(".")[0],) * 2
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _imports_of_pickles(tree: ast.AST) -> Iterator[tuple[ast.stmt, str]]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            yield from ((node, module) for module in modules if module.split(".")[0] in PICKLES)


def _nodes_outside_system_clock(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.ClassDef) and child.name == "SystemClock"):
            yield from _nodes_outside_system_clock(child)


def _dotted(node: ast.AST, names: dict[str, str]) -> str:
    """The full name that an expression stands for; empty when it does not start with an imported name."""
    if isinstance(node, ast.Name):
        return names.get(node.id, "")
    if isinstance(node, ast.Attribute) and (base := _dotted(node.value, names)):
        return f"{base}.{node.attr}"
    return ""


MODULES = [
    path
    for path in sorted(PACKAGE.rglob("*.py"))
    if not {"faults", "wrong"} & {path.stem, *path.relative_to(PACKAGE).parts}
]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_takes_time_chance_and_ids_from_what_it_is_handed(path: Path) -> None:
    assert hidden_inputs(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "from datetime import datetime\ndatetime.now()",
        "import datetime as dt\ndt.datetime.now(dt.timezone.utc)",
        "from datetime import datetime\nfield(default_factory=datetime.utcnow)",
        "import time\ntime.time()",
        "from time import time as now\nnow()",
        "import uuid\nuuid.uuid4().hex",
        "from uuid import uuid4\nuuid4()",
        "import random\nrandom.shuffle(items)",
        "from random import choice\nchoice(items)",
        "import random\nrandom.Random()",
        "import numpy as np\nnp.random.seed(1)",
        "import numpy as np\nnp.random.default_rng()",
        "from numpy.random import default_rng\ndefault_rng(None)",
        "import pandas as pd\npd.Timestamp.now()",
        "import pickle",
        "from pickle import loads",
    ],
)
def test_hidden_inputs_are_found_however_they_are_imported(source: str) -> None:
    assert hidden_inputs(source) != []


@pytest.mark.parametrize(
    "source",
    [
        "import numpy as np\nrng: np.random.Generator = np.random.default_rng(7)",
        "import random\nrandom.Random(seed)",
        "from time import perf_counter\nperf_counter()",
        "from datetime import datetime\nclass SystemClock:\n    def now(self): return datetime.now()",
        "clock.now()",
    ],
)
def test_seeds_clocks_and_measured_latencies_are_fine(source: str) -> None:
    assert hidden_inputs(source) == []
