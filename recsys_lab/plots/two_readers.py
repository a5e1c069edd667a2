"""Two readers of a topic while a job writes to it exactly once, and is killed in the middle."""

from __future__ import annotations

import pandas as pd

from recsys_lab.plots.style import BLUE, COLOURS, GREY, INK, RED, Picture, picture

CALLED = {"all": "read_uncommitted", "committed": "read_committed"}
_COLOUR = {"all": GREY, "committed": BLUE}
_FINDINGS = {
    "written": "Results are written, and none is committed: one reader has them, the other waits",
    "committed": "A checkpoint is complete: its results are committed, all at once",
    "killed": "The TaskManager is dead, and some results were written that are not committed",
    "again": "The job goes on from its checkpoint, and writes those results once more",
}


def two_readers_finding(table: pd.DataFrame) -> str:
    """What the moment shows; at the end, what both readers came to. table: of `experiments.readers_at`."""
    moment = str(table["moment"].iloc[0])
    if moment != "end":
        return _FINDINGS[moment]
    fates = (
        f"{CALLED[name]} has {'some twice' if _twice(table, name) else 'all once'}" for name in ("committed", "all")
    )
    return f"A TaskManager is killed: {', '.join(fates)}"


def two_readers_sentence(table: pd.DataFrame) -> str:
    """Why. table: of `experiments.readers_at`."""
    why = {
        "written": "Flink writes into an open transaction. Who asks for committed records does not see it.",
        "committed": "When all operators have saved their state, the transaction is committed, and a new one begins.",
        "killed": "The open transaction died with its writer. Kafka will abort it; nobody had promised its results.",
        "again": "Who takes everything gets them a second time. Who waits for commits has not seen them yet.",
        "end": (
            "Both read the same topic. The one lags behind by up to a checkpoint; the other counts some results twice."
            if _twice(table, "all")
            else "Both read the same topic, and have the same."
        ),
    }
    return f"{two_readers_finding(table)}. {why[str(table['moment'].iloc[0])]}"


def two_readers(table: pd.DataFrame) -> Picture:
    """Results over time for each reader on the left; how many it has once and twice on the right."""
    figure, axes = picture(two_readers_finding(table), columns=2, height=3.7)
    lines, bars = axes
    now, killed, again, length, most = (
        float(table[name].iloc[0]) for name in ("now", "killed", "again", "length", "most")
    )
    for name in CALLED:
        times = table.loc[table["reader"] == name, "seconds"]
        x, y = [*times, now], [*range(1, len(times) + 1), len(times)]
        lines.step(x, y, where="post", color=_COLOUR[name], linewidth=2 if name == "all" else 2.6, label=CALLED[name])
    if now >= killed:
        top = lines.get_xaxis_transform()
        lines.axvline(killed, color=RED, linewidth=1.4)
        lines.text(killed, 1.0, " ✗ kill -9", color=RED, fontsize=9, va="bottom", ha="center", transform=top)
        lines.axvspan(killed, min(now, again), color="#EEEEEE", zorder=0)
    lines.set(xlim=(0, 1.03 * length), ylim=(0, 1.05 * most), xlabel="seconds since the start of the job")
    lines.set_ylabel("results that a reader has", fontsize=9)
    figure.legend(loc="outside lower left", fontsize=8.5, frameon=False, ncols=2)
    for place, name in enumerate(("committed", "all")):
        rows = table[table["reader"] == name]
        twice, once = _twice(table, name), int(rows["value"].nunique()) - _twice(table, name)
        bars.barh(place, once, color=COLOURS["fresh"], height=0.5)
        bars.barh(place, twice, left=once, color=COLOURS["stale"], height=0.5)
        told = f"{once} once" + (f", {twice} twice" if twice else "")
        bars.text(once + twice, place, f"  {told}", va="center", fontsize=9, color=INK)
    bars.set_yticks([0, 1], [CALLED["committed"], CALLED["all"]])
    bars.set(xlim=(0, 1.5 * most), ylim=(1.6, -0.6), xlabel="different results")
    bars.grid(visible=False)
    return figure


def _twice(table: pd.DataFrame, reader: str) -> int:
    """Values that this reader has more than once."""
    rows = table[(table["reader"] == reader) & (table["copy"] > 1)]
    return int(rows["value"].nunique())
