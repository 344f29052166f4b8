"""How far the resolved people can be trusted: sizes, weak spots, shared values, refusals, values set aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import polars as pl

from .bridges import bridges
from .core.normal import PLACEHOLDERS, normalised
from .quality_rows import (
    Bridge,
    LargeUser,
    Pair,
    Passed,
    Quality,
    Refusals,
    Section,
    SetAside,
    SharedValue,
    SizeBand,
)
from .rules import Rules, TypeRule
from .tables import DECISIONS, HELD, SHARED, Tables

__all__ = ["HIDDEN", "Quality", "quality"]

#: In place of a value that is not shown.
HIDDEN = "•••"

_BANDS = ((1, 1), (2, 2), (3, 3), (4, 5), (6, 10), (11, 20), (21, 50), (51, None))
_EXAMPLES = 3
_OF_PAIR = ("a", "b", "count", "declared", "confidence")


def quality(
    tables: Tables,
    events: Iterable[pl.DataFrame],
    rules: Rules,
    *,
    top: int = 20,
    large: int = 6,
    part: int = 2,
    identifiers: bool = False,
    decisions: pl.DataFrame | None = None,
) -> Quality:
    """Look at a graph's people as a whole, for what deserves a second look.

    Raw identifiers are personal data. Unless ``identifiers`` is set none stands in the answer: a value is shown as
    ``email:•••`` beside the key of its user, and a blocked one by the place of its pattern in the rule. The answer
    with identifiers must be kept as the data are.

    Args:
        tables: the derived tables of the whole graph.
        events: its events in chunks (``tables.EVENTS``; ``identifiers`` is enough); each is read once and let go.
        rules: of the graph.
        top: most rows of each list; how many there are in all stands beside it.
        large: bridges are looked for among at least so many linked identifiers.
        part: a bridge is told of if its removal leaves at least so many identifiers at either end.
        identifiers: show them.
        decisions: of the graph (``tables.DECISIONS``); what a ``same`` decision also holds together is no bridge.
    """
    shown = _Shown(tables.identifiers, identifiers)
    owned = tables.identifiers.drop_nulls("user")
    sizes = owned.group_by("user").agg(n=pl.len().cast(pl.Int64)).sort("user")
    accepted = tables.links.filter("accepted")
    steps = tables.journeys.group_by("user").agg(steps=pl.col("steps").sum())
    single = len(steps.filter(pl.col("steps") == 1))
    return Quality(
        users=len(tables.users),
        anonymous_users=len(tables.users) - len(sizes),
        identifiers=len(tables.identifiers),
        shared_identifiers=len(tables.identifiers) - len(owned),
        held_identifiers=len(owned.filter(pl.col("status") == HELD)),
        by_type=dict(tables.identifiers.group_by("type").len().sort("type").iter_rows()),
        sizes=[_band(sizes, *band) for band in _BANDS],
        largest_users=_largest(owned, sizes, accepted, top),
        bridges=_bridges(accepted, owned, sizes, _joined(decisions, rules), large, part, top, shown),
        shared=_shared(tables, rules, top, shown),
        refused_links=_refused(tables.links, shown),
        set_aside=_set_aside(events, rules, identifiers),
        users_with_touchpoints=len(steps),
        single_event_users=single,
        single_event_share=single / len(steps) if len(steps) else 0.0,
        shows_identifiers=identifiers,
    )


class _Shown:
    """Identifiers as the answer may show them."""

    def __init__(self, identifiers: pl.DataFrame, openly: bool) -> None:
        self._users = identifiers.select("key", "user")
        self._openly = openly

    def name(self, key: str) -> str:
        return key if self._openly else f"{key.split(':', 1)[0]}:{HIDDEN}"

    def pairs(self, links: pl.DataFrame) -> list[Pair]:
        """Links (``_OF_PAIR``) with the users of their ends."""
        for end in ("a", "b"):
            users = self._users.select(pl.col("key").alias(end), pl.col("user").alias(f"user_{end}"))
            links = links.join(users, on=end, how="left", maintain_order="left")
        names = [*_OF_PAIR, "user_a", "user_b"]
        return [
            Pair(**{**row, "a": self.name(row["a"]), "b": self.name(row["b"])})
            for row in links.select(names).iter_rows(named=True)
        ]


def _band(sizes: pl.DataFrame, least: int, most: int | None) -> SizeBand:
    within = sizes.filter(pl.col("n") >= least)
    within = within if most is None else within.filter(pl.col("n") <= most)
    label = f"> {least - 1}" if most is None else str(least) if least == most else f"{least}-{most}"
    return SizeBand(size=label, users=len(within), identifiers=int(within["n"].sum()))


def _largest(owned: pl.DataFrame, sizes: pl.DataFrame, accepted: pl.DataFrame, top: int) -> list[LargeUser]:
    largest = sizes.sort("n", "user", descending=[True, False]).head(top)
    own = owned.join(largest, on="user", how="semi").select("key", "type", "user")
    links = dict(accepted.join(own, left_on="a", right_on="key").group_by("user").len().iter_rows())
    types: dict[str, dict[str, int]] = {}
    for user, kind, count in own.group_by("user", "type").len().sort("user", "type").iter_rows():
        types.setdefault(user, {})[kind] = count
    return [
        LargeUser(user=user, identifiers=count, by_type=types[user], links=links.get(user, 0))
        for user, count in largest.iter_rows()
    ]


def _joined(decisions: pl.DataFrame | None, rules: Rules) -> pl.DataFrame:
    """What ``same`` decisions join: a, b (identifier keys)."""
    same = (pl.DataFrame(schema=DECISIONS) if decisions is None else decisions).filter(pl.col("kind") == "same")
    return same.select(a=normalised(same["a"], rules), b=normalised(same["b"], rules)).drop_nulls()


def _bridges(
    accepted: pl.DataFrame,
    owned: pl.DataFrame,
    sizes: pl.DataFrame,
    joined: pl.DataFrame,
    large: int,
    part: int,
    top: int,
    shown: _Shown,
) -> Section[Bridge]:
    """Links on which a large user hangs, the weakest first. Only large users are looked at, which are few."""
    own = owned.join(sizes.filter(pl.col("n") >= large), on="user", how="semi").select("key").sort("key")
    code = own.with_row_index("code").select("key", pl.col("code").cast(pl.Int64))
    edges = pl.concat([accepted.select(_OF_PAIR), joined], how="diagonal")
    for end in ("a", "b"):
        coded = code.select(pl.col("key").alias(end), pl.col("code").alias(f"code_{end}"))
        edges = edges.join(coded, on=end, maintain_order="left")
    found = bridges(edges["code_a"].to_numpy(), edges["code_b"].to_numpy(), len(code))
    rows = edges[found.rows].with_columns(part_a=pl.Series(found.at_a), part_b=pl.Series(found.at_b))
    rows = rows.drop_nulls("count").filter(  # without a count: a decision, which is no link
        (pl.col("part_a") + pl.col("part_b") >= large) & (pl.min_horizontal("part_a", "part_b") >= part)
    )
    weakest = rows.sort(
        "count", "declared", "confidence", -pl.min_horizontal("part_a", "part_b"), "a", "b"
    ).head(top)  # fmt: skip
    parts = weakest.select("part_a", "part_b").iter_rows(named=True)
    pairs = shown.pairs(weakest)
    return Section(
        count=len(rows), rows=[Bridge(**pair.model_dump(), **ends) for pair, ends in zip(pairs, parts, strict=True)]
    )


def _shared(tables: Tables, rules: Rules, top: int, shown: _Shown) -> Section[SharedValue]:
    """Values that belong to nobody, or only by a decision: those that meet most first."""
    values = tables.identifiers.filter(pl.col("status").is_in([SHARED, HELD])).select("key", "type", "status", "user")
    ends = tables.links.select("a", "b")
    kind = pl.col("other").str.splitn(":", 2).struct.field("field_0")
    met = (
        pl.concat([ends.rename({"a": "key", "b": "other"}), ends.select(key="b", other="a")])
        .join(values, on="key", how="semi")
        .unique()  # two shared values have a link for each component
        .group_by("key", kind.alias("kind"))
        .agg(n=pl.len().cast(pl.Int64))
    )
    most = met.group_by("key").agg(total=pl.col("n").sum())
    ordered = values.join(most, on="key", how="left").sort("total", "key", descending=[True, False], nulls_last=True)
    chosen = ordered.head(top)
    meets: dict[str, dict[str, int]] = {key: {} for key in chosen["key"]}
    for key, other, count in met.join(chosen, on="key", how="semi").sort("key", "kind").iter_rows():
        meets[key][other] = count
    return Section(
        count=len(values),
        rows=[
            SharedValue(
                identifier=shown.name(row["key"]),
                type=row["type"],
                status=row["status"],
                user=row["user"],
                meets=meets[row["key"]],
                passed=list(_passed(meets[row["key"]], rules.of(row["type"]), rules)),
            )
            for row in chosen.iter_rows(named=True)
        ],
    )


def _passed(meets: dict[str, int], rule: TypeRule, rules: Rules) -> Iterator[Passed]:
    """The thresholds of a value's own type that it passed."""
    for kind, met in meets.items():
        if rule.shared_at and rules.of(kind).unique and met >= rule.shared_at:
            yield Passed(threshold="shared_at", allowed=rule.shared_at - 1, type=kind, met=met)
        if rule.hub_above and met > rule.hub_above:
            yield Passed(threshold="hub_above", allowed=rule.hub_above, type=kind, met=met)


def _refused(links: pl.DataFrame, shown: _Shown) -> list[Refusals]:
    """Refused pairs by reason, the most common first; as examples those with most evidence."""
    pairs = links.filter(~pl.col("accepted")).group_by("a", "b", "reason").agg(
        pl.col("count").sum(), pl.col("declared").any(), pl.col("confidence").max()
    )  # fmt: skip
    counts = pairs.group_by("reason").len("pairs").sort("pairs", "reason", descending=[True, False])
    found = []
    for reason, count in counts.iter_rows():
        of_reason = pairs.filter(pl.col("reason") == reason)
        examples = of_reason.sort("count", "a", "b", descending=[True, False, False]).head(_EXAMPLES)
        found.append(Refusals(reason=reason, pairs=count, examples=shown.pairs(examples)))
    return found


def _set_aside(events: Iterable[pl.DataFrame], rules: Rules, openly: bool) -> list[SetAside]:
    """Raw identifiers that name nobody, by type and form, the most common first."""
    found: Counter[tuple[str, str, str]] = Counter()
    known: dict[tuple[str, str, str], Counter[str]] = {}
    for chunk in events:
        raw = chunk.select(raw=pl.col("identifiers").explode()).drop_nulls().group_by("raw").len("n")
        aside = raw.filter(normalised(raw["raw"], rules).is_null())
        for (text, count), (kind, why, form) in zip(aside.iter_rows(), _forms(aside["raw"], rules), strict=True):
            found[kind, why, form] += count
            if openly:
                examples = known.setdefault((kind, why, form), Counter())
                examples[text] += count
    return [
        SetAside(
            type=kind,
            why="blocked" if why == "blocked" else "placeholder",
            form=form,
            count=count,
            examples=sorted(known.get((kind, why, form), ()), key=lambda text: (len(text), text))[:_EXAMPLES],
        )
        for (kind, why, form), count in sorted(found.items(), key=lambda item: (-item[1], item[0]))
    ]


def _forms(raw: pl.Series, rules: Rules) -> Iterator[tuple[str, str, str]]:
    """Type, reason and form of raw identifiers that are set aside; the form tells nothing of a person."""
    parts = raw.alias("raw").to_frame().select(
        kind=pl.col("raw").str.splitn(":", 2).struct.field("field_0"),
        bare=pl.col("raw").str.splitn(":", 2).struct.field("field_1").fill_null("")
        .str.replace_all(r"[\s\"'`]", "").str.to_lowercase(),
    )  # fmt: skip
    blocked = _blocked_by(raw, rules)
    for text, (kind, bare) in zip(raw, parts.iter_rows(), strict=True):
        if not bare:
            yield kind, "placeholder", "(empty)"
        elif bare in PLACEHOLDERS:
            yield kind, "placeholder", bare
        elif bare.startswith("test@"):
            yield kind, "placeholder", "test@…"
        elif not bare.strip("0-"):
            yield kind, "placeholder", "zeros and hyphens"
        elif text in blocked:
            yield kind, "blocked", f"pattern {blocked[text]} of the rule"
        else:
            yield kind, "placeholder", "(other)"


def _blocked_by(raw: pl.Series, rules: Rules) -> dict[str, int]:
    """The number of the first pattern that blocks each raw identifier, asked of the normaliser pattern by pattern."""
    found: dict[str, int] = {}
    for kind, rule in rules.types.items():
        mine = raw.filter(raw.str.starts_with(f"{kind}:"))
        for number, pattern in enumerate(rule.blocked, start=1):
            alone = rule.model_copy(update={"blocked": (pattern,)})
            only = rules.model_copy(update={"types": {**rules.types, kind: alone}})
            for text in mine.filter(normalised(mine, only).is_null()):
                found.setdefault(text, number)
    return found
