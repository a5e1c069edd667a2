"""Bandits: what was lost against the best arm, and where the requests went."""

from __future__ import annotations

import pandas as pd

from recsys_lab.plots.style import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, RED, SKY, YELLOW, Picture, picture

_COLOURS = {"uniform": GREY, "greedy": RED, "UCB1": ORANGE, "Thompson": BLUE}
_ARMS = (PURPLE, ORANGE, YELLOW, GREEN, BLUE, SKY)


def bandits(table: pd.DataFrame) -> Picture:
    """Left: mean regret. Right: the arm chosen most, hundred by hundred. table: of `experiments.bandits`."""
    figure, (regret, arms) = picture(_finding(table), columns=2, height=3.6)
    policies = list(table["policy"].unique())
    for policy in policies:
        mean = table[table["policy"] == policy].groupby("requests")["regret"].mean()
        regret.plot(mean.index, mean, color=_COLOURS.get(policy, INK), linewidth=2)
        regret.text(mean.index[-1], mean.iloc[-1], f" {policy} {mean.iloc[-1]:.0f}", va="center", fontsize=9, color=INK)
    regret.set(xlabel="requests", ylabel="hits lost to the best arm", xlim=(0, 1.28 * table["requests"].max()))
    names = _order(table)
    counts = table.groupby(["policy", "arm"]).size().unstack(fill_value=0)
    shares = counts.div(counts.sum(axis=1), axis=0)
    left = pd.Series(0.0, index=policies)
    for colour, arm in zip(_ARMS, names, strict=False):
        widths = 100 * shares[arm].reindex(policies) if arm in shares else 0 * left
        arms.barh(range(len(policies)), widths, left=left, color=colour, height=0.6, label=arm)
        left += widths
    arms.set_yticks(range(len(policies)), policies)
    arms.set(xlabel="blocks of 100 requests, by their main arm (%)", ylim=(len(policies) - 0.4, -0.6), xlim=(0, 100))
    arms.grid(visible=False)
    figure.legend(
        loc="outside lower left", fontsize=8.5, frameon=False, ncols=len(names), title="half-life", title_fontsize=8.5,
        alignment="left",
    )  # fmt: skip
    return figure


def _order(table: pd.DataFrame) -> list[str]:
    """Half-lives from short to long, where they are known; else by name."""
    known = ["5 minutes", "1 hour", "8 hours", "2 days", "2 weeks", "none"]
    there = set(table["arm"].unique())
    return [name for name in known if name in there] + sorted(there - set(known))


def _finding(table: pd.DataFrame) -> str:
    last = table[table["requests"] == table["requests"].max()].groupby("policy", sort=False)["regret"].mean()
    best, requests = str(last.idxmin()), int(table["requests"].max())
    most = "" if last.idxmax() == "uniform" else f", {last.idxmax()} {last.max():.0f}"
    return (
        f"In {requests:,} requests {best} loses {last[best]:.0f} hits to the best half-life, "
        f"trying all alike {last['uniform']:.0f}" + most
    )
