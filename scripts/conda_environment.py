"""Write environment.yml, for conda and Binder, from requirements.lock: the same versions everywhere.

conda brings Python; pip installs the rest from the lock, as everywhere else.

    python scripts/conda_environment.py
"""

from __future__ import annotations

import re
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]

HEAD = """\
# For conda and Binder. Written from requirements.lock by `make lock`; do not edit.
name: recsys-lab
channels:
  - conda-forge
  - nodefaults
dependencies:
  - python=3.12
  - pip
  - pip:
"""


def locked(lock: str) -> list[str]:
    """Requirement lines (`name==version ; marker`) of a lock, without their hashes."""
    return re.findall(r"^([A-Za-z0-9._-]+==[^\\\n]*?) *\\?$", lock, flags=re.MULTILINE)


def environment(lock: str) -> str:
    """The text of environment.yml for a lock; the checkout itself comes last, editable."""
    lines = [f'      - "{requirement}"\n' for requirement in [*locked(lock), "--editable ."]]
    return HEAD + "".join(lines)


if __name__ == "__main__":
    text = (CHECKOUT / "requirements.lock").read_text(encoding="utf-8")
    (CHECKOUT / "environment.yml").write_text(environment(text), encoding="utf-8")
