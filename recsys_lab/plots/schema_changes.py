"""Changes of a schema: who can still read what."""

from __future__ import annotations

import pandas as pd

from recsys_lab.plots.rows import rows_of
from recsys_lab.plots.style import GREEN, INK, RED, Picture, picture


def schema_changes(table: pd.DataFrame) -> Picture:
    """A row for each change, a column for each direction. table: of `experiments.schema_changes`."""
    both = int((table["new_reads_old"] & table["old_reads_new"]).sum())
    finding = f"{both} of {len(table)} usual changes of a schema stop neither old code nor new"
    figure, (ax,) = picture(finding, height=1.1 + 0.3 * len(table))
    for place, row in enumerate(rows_of(table)):
        ax.text(0.02, place, row.change, va="center", fontsize=9.5, color=INK)
        for x, good in ((0.72, row.new_reads_old), (0.9, row.old_reads_new)):
            colour, mark = (GREEN, "✓ reads") if good else (RED, "✗ fails")
            ax.text(x, place, mark, va="center", ha="center", fontsize=9.5, color=colour, fontweight="bold")
    for x, name in ((0.72, "new code,\nold messages"), (0.9, "old code,\nnew messages")):
        ax.text(x, -0.9, name, ha="center", va="bottom", fontsize=9, color=INK)
    ax.set(xlim=(0, 1), ylim=(len(table) - 0.5, -2.2))
    ax.axis("off")
    return figure
