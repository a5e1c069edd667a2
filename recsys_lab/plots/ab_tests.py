"""A/B tests: how often they see a difference that is not there, and what looking too often does."""

from __future__ import annotations

import pandas as pd

from recsys_lab.plots.style import BLUE, FAINT, GREEN, GREY, INK, ORANGE, RED, Picture, percent, picture

_PATHS = 40
_RULES = (("at the end", "one look,\nat the end", BLUE), ("at any look", "stop at the\nfirst p < 5 %", ORANGE),
          ("always valid", "always-valid\ntest", GREEN))  # fmt: skip
_UNITS = {"user": BLUE, "request": ORANGE}


def peeking_sentence(table: pd.DataFrame) -> str:
    """What each rule sees, in words. table: of `experiments.peeking`."""
    found = _found(table)
    said = f"{_finding(table)}. "
    if not float(table["effect"].iloc[0]):
        return (
            said + f"One look at the end sees a difference in {percent(found['at the end'])} of the tests, as promised."
        )
    first = table[table["beyond_bound"]].groupby("test")["users"].min()
    if first.empty:
        return said + "The always-valid test stops none of them."
    return said + (
        f"Where the always-valid test stops, it does so after {first.median():,.0f} of {table['users'].max():,} users "
        "in each version (median)."
    )


def peeking(table: pd.DataFrame) -> Picture:
    """Left: some tests on their way. Right: how many see a difference, by rule. table: of `experiments.peeking`."""
    figure, (way, share) = picture(_finding(table), columns=2, height=3.7)
    for _, rows in table[table["test"] < _PATHS].groupby("test"):
        crosses = rows["beyond"].any()
        way.plot(rows["users"], rows["z"], color=ORANGE if crosses else FAINT, linewidth=1, zorder=2 if crosses else 1)
    bound = table.groupby("users")["bound"].mean()
    limit = float(table["limit"].iloc[0])
    for sign in (1, -1):
        way.axhline(sign * limit, color=INK, linewidth=1.2, linestyle="--")
        way.plot(bound.index, sign * bound, color=GREEN, linewidth=2, zorder=3)
    most = max(4.5, float(table.loc[table["test"] < _PATHS, "z"].abs().max()) + 0.3)
    way.set(xlabel="users in each version", ylabel="difference (standard errors)", ylim=(-most, most))
    way.text(table["users"].max(), -limit - 0.1, "one look", ha="right", va="top", fontsize=8.5, color=INK)
    way.text(
        table["users"].max(),
        -float(bound.iloc[-1]) - 0.15,
        "always valid",
        ha="right",
        va="top",
        fontsize=8.5,
        color=GREEN,
    )
    found = _found(table)
    share.bar(range(3), [100 * found[rule] for rule, *_ in _RULES], color=[colour for *_, colour in _RULES], width=0.6)
    for place, (rule, *_) in enumerate(_RULES):
        share.text(place, 100 * found[rule] + 1, percent(found[rule]), ha="center", fontsize=9.5, color=INK)
    share.set_xticks(range(3), [name for _, name, _ in _RULES])
    share.axhline(5, color=INK, linewidth=1, linestyle=":")
    share.text(2.45, 5.3, "5 %", ha="right", va="bottom", fontsize=8.5, color=INK)
    share.set(ylabel="tests that see a difference (%)", ylim=(0, max(40, 112 * max(found.values()))))
    return figure


def false_alarms(table: pd.DataFrame) -> Picture:
    """Tests without a difference that see one, by the number of looks. table: of `experiments.false_alarms`."""
    wide = table.pivot(index="looks", columns="rule", values="share")
    looks = wide.index.max()
    finding = (
        f"{looks} looks: stopping at the first p < 5 % is wrong in {percent(wide['at any look'][looks])} of tests, "
        f"the always-valid test in {percent(wide['always valid'][looks])}"
    )
    figure, (ax,) = picture(finding, height=3.2)
    for rule, name, colour in _RULES:
        ax.plot(
            wide.index, 100 * wide[rule], "o-", color=colour, linewidth=2, markersize=5, label=name.replace("\n", " ")
        )
    ax.axhline(5, color=INK, linewidth=1, linestyle=":", label="5 %")
    ax.set_xscale("log")
    ax.set_xticks(wide.index, [str(number) for number in wide.index])
    ax.minorticks_off()
    ax.set(xlabel="looks", ylabel="tests that see a difference (%)", ylim=(0, None))
    figure.legend(loc="outside lower left", fontsize=8.5, frameon=False, ncols=4)
    return figure


def aa_tests(table: pd.DataFrame) -> Picture:
    """The p-values of tests of a version against itself, by what was counted. table: of `experiments.aa_tests`."""
    shares = (table["p"] < 0.05).groupby(table["unit"], sort=False).mean()
    said = " and ".join(f"{100 * share:.1f} % counting {unit}s" for unit, share in shares.items())
    figure, axes = picture(f"A version against itself sees a difference: {said}", columns=len(shares), height=3.0)
    for ax, (unit, rows) in zip(axes, table.groupby("unit", sort=False), strict=True):
        counts = [int(((rows["p"] >= low / 20) & (rows["p"] < (low + 1) / 20)).sum()) for low in range(19)]
        counts.append(len(rows) - sum(counts))  # the last holds p = 1
        middles = [(place + 0.5) / 20 for place in range(20)]
        ax.bar(middles, counts, width=0.045, color=[RED] + 19 * [_UNITS[str(unit)]])
        ax.axhline(len(rows) / 20, color=INK, linewidth=1, linestyle=":")
        ax.set_title(f"counted by {unit}; red: p < 5 %; dotted: expected", fontsize=9.5, loc="left")
        ax.set(xlabel="p-value", ylim=(0, 2.3 * len(rows) / 20), ylabel="tests" if ax is axes[0] else None)
        ax.grid(color=GREY, alpha=0.2)
    return figure


def _found(table: pd.DataFrame) -> dict[str, float]:
    by_test = table.groupby("test")
    return {
        "at the end": float(table.loc[table["look"] == table["look"].max(), "beyond"].mean()),
        "at any look": float(by_test["beyond"].any().mean()),
        "always valid": float(by_test["beyond_bound"].any().mean()),
    }


def _finding(table: pd.DataFrame) -> str:
    effect, looks, found = float(table["effect"].iloc[0]), int(table["look"].max()), _found(table)
    times = f"{looks} look{'s' * (looks != 1)}"
    if not effect:
        return (
            f"No difference, {times}: stopping at the first p < 5 % sees one in {percent(found['at any look'])} "
            f"of tests, the always-valid test in {percent(found['always valid'])}"
        )
    return (
        f"{100 * effect:g} points of difference: the planned test sees it in {percent(found['at the end'])}, "
        f"the always-valid one in {percent(found['always valid'])} of the tests"
    )
