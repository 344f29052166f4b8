"""One commit: which raw components a change concerns, what they come to, and what differs.

A raw component reaches along all links but those through shared identifiers, so that a kiosk does not drag its thousand
visitors into every commit. The price is told here: whether a value is shared depends on links in many components. New
events can only add links, so a value that is shared stays so; where events go, the links of their shared values are
counted again, and if one is shared no more, all that it leads to is derived anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import polars as pl

from .core import Derived, changed, changed_rulings, diff, normalised
from .core.normal import keys_of, usable_identifiers
from .rulings import Rulings
from .settings import Settings
from .stores import Writer
from .tables import ANONYMOUS, OF_SHARED, SHARED, Change, Changes, Neighbourhood

_NONE = pl.Series([], dtype=pl.String)


def commit(
    writer: Writer,
    put: pl.DataFrame,
    settings: Settings,
    rulings: Rulings,
    *,
    gone: pl.Series = _NONE,
    everything: bool = False,
    former: pl.DataFrame | None = None,
) -> int:
    """Write events and rulings, and what follows from them. Returns the revision.

    Args:
        writer: the transaction.
        put: ``tables.EVENTS``; new rows, or in place of those with their key.
        settings: of the graph from now on.
        rulings: of the graph from now on, unlocked.
        gone: keys of stored events that go.
        everything: derive the whole graph, as new settings ask for.
        former: stored rows, of which those with a key of ``put`` or ``gone`` are all; read where not given.
    """
    plan = changes(writer, put, settings, rulings, gone=gone, everything=everything, former=former)
    return writer.replace(plan, settings)


def changes(
    writer: Writer,
    put: pl.DataFrame,
    settings: Settings,
    rulings: Rulings,
    *,
    gone: pl.Series = _NONE,
    everything: bool = False,
    former: pl.DataFrame | None = None,
) -> Changes:
    """What :func:`commit` would write."""
    going = pl.concat([put["key"], gone])
    ruled = changed_rulings(writer.rulings, rulings)
    if everything:
        before = writer.everything()
        events = pl.concat([before.events.filter(~pl.col("key").is_in(going.implode())), put])
        derived = Derived(events, settings, rulings)
        former = before.events.filter(pl.col("key").is_in(going.implode()))
        return diff(before, derived.hung(events["key"]), derived.tables(), changed("events", former, put), ruled)
    if former is None:
        former = writer.stored(going) if len(going) else put.clear()
    elif len(former):
        former = former.join(going.to_frame("key"), on="key", how="semi")
    concerned = _Concerned(writer, put, former, settings, rulings, ruled["decisions"])
    loaded = concerned.components
    while True:
        before = writer.unit(pl.Series(sorted(loaded), dtype=pl.String))
        shared = concerned.known_shared(before)
        stay = before.events.filter(~pl.col("key").is_in(going.implode())) if len(former) else before.events
        events = pl.concat([stay, put])
        derived = Derived(events, settings, rulings, pl.Series(sorted(shared), dtype=pl.String))
        hung = derived.hung(events["key"])
        more = concerned.sessions_of(hung["anchor"], derived.identifiers) - loaded
        if not more:
            break
        loaded |= more
    after = derived.tables()
    elsewhere = shared - {name.removeprefix(OF_SHARED) for name in loaded}  # their rows belong to other components
    if elsewhere:
        identifiers = after.identifiers.filter(~pl.col("key").is_in(sorted(elsewhere)))
        after = replace(after, identifiers=identifiers)
    return diff(before, hung, after, changed("events", former, put), ruled)


class _Concerned:
    """The raw components that a change concerns, and the shared values among what it touches."""

    def __init__(
        self,
        writer: Writer,
        put: pl.DataFrame,
        former: pl.DataFrame,
        settings: Settings,
        rulings: Rulings,
        decisions: Change,
    ) -> None:
        self._settings = settings
        rules = settings.rules
        rows = pl.concat([put, former])
        ends = _ends(decisions.put)
        if len(decisions.removed):
            ends |= _ends(writer.rulings.decisions.join(decisions.removed, on="key", how="semi"))
        keys = keys_of(rows["identifiers"], rules)
        touched = {key for key in keys.values() if key is not None} | self._keys(ends)
        same = _same(writer.rulings.decisions) + _same(rulings.decisions)
        touched = _reached(touched, [(self._keys({a}), self._keys({b})) for a, b in same])
        known = writer.identifiers(pl.Series(sorted(touched), dtype=pl.String))
        self._through = rules.nearest_login_minutes is not None
        shared = set() if self._through else set(_with_status(known, SHARED))
        decided = set().union(*(self._keys({a, b}) for a, b in _same(rulings.decisions)))
        freed = shared & decided  # a decision holds them in one user now: all that they met is one component
        suspects = (shared & set(usable_identifiers(former, rules))) - freed if shared else set()
        self.components = {name for key, name in known[["key", "component"]].iter_rows() if key not in shared}
        self.components |= {OF_SHARED + key for key in freed | suspects}
        self.components |= self._of_lone(rows, keys, shared)
        if freed or suspects:
            links = writer.links_of(pl.Series(sorted(freed | suspects), dtype=pl.String))
            if suspects:
                left = self._after(writer, put, former)
                freed |= {key for key in suspects if not self._is_shared(key, links, left)}
            leads = pl.col("a").is_in(sorted(freed)) | pl.col("b").is_in(sorted(freed))
            self.components |= set(links.filter(leads)["component"])
        self._shared, self._freed = shared, freed

    def known_shared(self, before: Neighbourhood) -> set[str]:
        """The values that are shared because of events elsewhere: touched ones, and others that these events hold."""
        if self._through:
            return set()
        own = set(before.tables.identifiers["key"]) - set(_with_status(before.tables.identifiers, SHARED))
        others = set(usable_identifiers(before.events, self._settings.rules)) - own
        return (self._shared | others) - self._freed

    def sessions_of(self, anchors: pl.Series, identifiers: pl.DataFrame) -> set[str]:
        """The components of shared values that some events hang on."""
        if self._through:
            return set()
        shared = _with_status(identifiers, SHARED)
        return {OF_SHARED + key for key in anchors.filter(anchors.is_in(shared.implode()))} if len(shared) else set()

    def _keys(self, raw: Iterable[str]) -> set[str]:
        """The usable ones of some raw identifiers, as keys."""
        texts = pl.Series(sorted(raw), dtype=pl.String)
        return set(normalised(texts, self._settings.rules)) - {None}

    def _of_lone(self, rows: pl.DataFrame, keys: Mapping[str, str | None], shared: set[str]) -> set[str]:
        """The components of events that hold no identifier, or none but shared ones."""
        rules = self._settings.rules
        lone = set()
        for key, identifiers in rows[["key", "identifiers"]].iter_rows():
            usable = {found for text in identifiers or () if (found := keys[text]) is not None}
            if not usable:
                lone.add(ANONYMOUS + key)
            elif usable <= shared:
                strongest = min(usable, key=lambda one: (rules.of(one.partition(":")[0]).priority, one))
                lone.add(OF_SHARED + strongest)
        return lone

    def _after(self, writer: Writer, put: pl.DataFrame, former: pl.DataFrame) -> pl.DataFrame:
        """The events of the components so far, as they will be."""
        there = writer.unit(pl.Series(sorted(self.components), dtype=pl.String)).events
        return pl.concat([there.join(pl.concat([put, former]), on="key", how="anti"), put])

    def _is_shared(self, key: str, links: pl.DataFrame, left: pl.DataFrame) -> bool:
        """Whether a value still meets as many others as make it shared."""
        rules = self._settings.rules
        rule = rules.of(key.partition(":")[0])
        outside = links.filter(~pl.col("component").is_in(sorted(self.components)))
        met = set(outside.filter(pl.col("a") == key)["b"]) | set(outside.filter(pl.col("b") == key)["a"])
        keys = keys_of(left["identifiers"], rules)
        for identifiers in left["identifiers"].drop_nulls():
            usable = {keys[text] for text in identifiers}
            met |= usable - {None, key} if key in usable else set()
        counts: dict[str, int] = {}
        for other in met:
            kind = other.partition(":")[0]
            counts[kind] = counts.get(kind, 0) + 1
        hub = rule.hub_above and max(counts.values(), default=0) > rule.hub_above
        return bool(hub) or any(
            rule.shared_at and rules.of(kind).unique and count >= rule.shared_at for kind, count in counts.items()
        )


def _with_status(identifiers: pl.DataFrame, status: str) -> pl.Series:
    """The keys of the identifiers that have a status."""
    return identifiers["key"].filter(identifiers["status"] == status)


def _ends(decisions: pl.DataFrame) -> set[str]:
    return {*decisions["a"], *decisions["b"]}


def _same(decisions: pl.DataFrame) -> list[tuple[str, str]]:
    return decisions.filter(pl.col("kind") == "same").select("a", "b").rows() if len(decisions) else []


def _reached(found: set[str], pairs: list[tuple[set[str], set[str]]]) -> set[str]:
    """Identifiers with all that ``same`` decisions lead to."""
    while True:
        more = set().union(*(a | b for a, b in pairs if (a | b) & found)) - found
        if not more:
            return found
        found = found | more
