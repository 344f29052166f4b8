"""Measurement of identity: resolving at once, event by event, through a hub, and while data grows."""

from __future__ import annotations

from statistics import median, quantiles

from .children import Finished
from .context import Bench
from .report import Goal, Section, Table, duration, size, spread, times

PERSONS, IDENTIFIERS, LINKS, CONFLICTS = 250_000, 1_000_000, 1_750_000, 2_500
ACCOUNTS = 100_000
SHARES = [0.125, 0.25, 0.5, 1.0]
SINGLE = 100


def people(bench: Bench) -> Section:
    """(j) Who is who: beside scipy's bare components, one event, a hub, stability of keys."""
    section = Section(
        "Identity",
        f"First {LINKS:,} links of {IDENTIFIERS:,} identifiers of {PERSONS:,} persons (the largest with 40, one "
        "component in a hundred with two customer_ids) as numbers in memory: our resolution with all rules beside "
        "scipy, which only joins. Then one more event on top of the example, from record to commit. Then a hub: one "
        f"device_id on {ACCOUNTS:,} accounts, beside as many accounts with a device each. Last the example in the "
        "order of arrival, twice as many rows at each step: user keys of those who neither merged nor split.",
    )
    _resolution(bench, section)
    _one_event(bench, section)
    _hub(bench, section)
    _growth(bench, section)
    return section


def _resolution(bench: Bench, section: Section) -> None:
    said = bench.step(
        "resolution",
        persons=PERSONS,
        identifiers=IDENTIFIERS,
        links=LINKS,
        conflicts=CONFLICTS,
        runs=max(bench.runs, 5),
    ).said
    ratio = min(said["ours"]) / min(said["bare"])
    section.goals.append(Goal("resolution with rules, against bare components", "≤ 5 ×", times(ratio), ratio <= 5))
    rows = [
        ["graphsvc, all rules", times(ratio), spread(said["ours"]), f"{said['users']:,}"],
        ["scipy connected_components", times(1), spread(said["bare"]), f"{said['components']:,}"],
    ]
    section.tables.append(Table([f"{LINKS:,} links", "ratio", "time", "users"], rows))
    if said["differing"] or said["still_broken"]:
        section.notes.append(
            f"**{said['differing']:,} identifiers are not where scipy has them, {said['still_broken']:,} are in users "
            "with two customer_ids.**"
        )
    else:
        section.notes.append(
            f"Both agree on every component without a conflict; the {said['conflicts']:,} others were taken apart, "
            f"{said['refused']:,} links refused."
        )


def _one_event(bench: Bench, section: Section) -> None:
    rows = []
    for name, url, env in list(bench.stores()):  # both are there before anything is added to one
        done = bench.step("single_events", env, url=url, folder=bench.exported, count=SINGLE)
        asked = {"people of the example": done.said["of_many"], "one with 1,000 touchpoints": done.said["of_one"]}
        longest = max(_p95(seconds) for seconds in asked.values())
        reached = longest < 0.1
        section.goals.append(Goal(f"one new event, {name}, 95th percentile", "< 100 ms", duration(longest), reached))
        for who, seconds in asked.items():
            ratio = times(_p95(seconds) / 0.1)
            cells = [ratio, duration(median(seconds)), duration(_p95(seconds)), duration(max(seconds))]
            rows.append([f"{name}, {who}", *cells, size(done.peak_mib)])
    header = [f"{SINGLE} events, one by one", "p95, ratio to 100 ms", "median", "p95", "longest", "peak memory"]
    section.tables.append(Table(header, rows))


def _hub(bench: Bench, section: Section) -> None:
    file = bench.new("hub.jsonl")
    done: dict[bool, list[Finished]] = {}
    for hub in (True, False):
        store = bench.new("hub.duckdb")
        done[hub] = []
        first = 0
        for count in (ACCOUNTS, 1, 1_000):
            bench.step("hub_file", path=file, first=first, count=count, hub=hub)
            done[hub].append(bench.step("add_file", url=store, file=file))
            first += count
    rows = []
    for what, ours, plain in zip(("ingest", "one more", "1,000 more"), done[True], done[False], strict=True):
        ratio = times(ours.said["seconds"] / plain.said["seconds"])
        cells = [duration(ours.said["seconds"]), duration(plain.said["seconds"]), size(ours.peak_mib)]
        rows.append([what, ratio, *cells, size(plain.peak_mib)])
    one_more, peak = done[True][1].said["seconds"], max(finished.peak_mib for finished in done[True])
    section.goals += [
        Goal(f"one more event on a hub of {ACCOUNTS:,} accounts", "< 1 s", duration(one_more), one_more < 1),
        Goal("memory for that hub", "< 2 GiB", size(peak), peak < 2_048),
    ]
    header = [f"{ACCOUNTS:,} accounts", "ratio", "one device", "a device each", "peak memory", "a device each"]
    section.tables.append(Table(header, rows))
    expected = ACCOUNTS + 1_001
    if done[True][-1].said["users"] != expected:
        section.notes.append(f"**The hub left {done[True][-1].said['users']:,} users of {expected:,}.**")


def _growth(bench: Bench, section: Section) -> None:
    said = bench.step("growth", **bench.generated(bench.events), shares=SHARES).said
    rows, worst = [], 0.0
    for former, step in zip(SHARES, said["steps"], strict=False):
        share = step["changed"] / max(step["stayed"], 1)
        worst = max(worst, share)
        cells = [f"{share:.2%}", f"{step['changed']:,}", f"{step['stayed']:,}", f"{step['users']:,}"]
        rows.append([f"{former:.1%} to {step['share']:.1%} of {said['rows']:,} rows", *cells])
    section.goals.append(Goal("user keys that change when data doubles", "< 1 %", f"{worst:.2%}", worst < 0.01))
    header = ["example, doubled", "changed", "keys changed", "users neither merged nor split", "users before"]
    section.tables.append(Table(header, rows))


def _p95(seconds: list[float]) -> float:
    return quantiles(seconds, n=20)[-1]
