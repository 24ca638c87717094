"""Where both arms' execution time goes, as nested bars: the execution, scopes of names, and ops."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from perfgate.explain.explanation import Attribution, ChangeKind, Interval, OpChange
from perfgate.explain.names import NO_SCOPE, scope_of

_MOST_SCOPES = 3
"""Nested ones; ops of deeper scopes are shown in the last."""
_NOTHING_MS = 1e-9
OUTSIDE, OTHER = "outside of ops", "other ops, and outside of ops"


@dataclass(frozen=True, slots=True)
class Bar:
    """A scope, an op, or what is neither."""

    name: str
    """Its whole name."""
    depth: int
    """0: the whole execution."""
    begin_ms: tuple[float, float]
    """Where it begins in each arm's row."""
    times_ms: tuple[float, float]
    """How long it is in each arm's row; 0 where it does not exist."""
    op: str = ""
    """The op's type; empty for anything else."""
    kind: ChangeKind = ChangeKind.SAME
    differs: bool = False
    """Whether it is an op that changed, or that takes another time."""
    change_ms: Interval | None = None


def bars(found: Attribution) -> tuple[Bar, ...]:
    """Return the bars of both rows, each followed by what it contains, differences first.

    Both rows have the same order, so what exists in only one arm leaves no room in the other.
    """
    root = _Scope("")
    for op in found.ops:
        root.place(op)
    while not root.ops and len(root.scopes) == 1:  # all names begin alike
        (root,) = root.scopes.values()
    execution = Bar("execution", 0, (0.0, 0.0), found.execute_ms, change_ms=found.change_ms)
    return (execution, *_inside(root, 1, (0.0, 0.0)), *_rest(found, root.times_ms))


@dataclass(slots=True)
class _Scope:
    name: str
    scopes: dict[str, _Scope] = field(default_factory=dict)
    ops: list[OpChange] = field(default_factory=list)

    def place(self, op: OpChange) -> None:
        """Put an op into its scope, below this one."""
        scope = self
        within = scope_of(op.name)
        for part in within.split("/") if within != NO_SCOPE else ():
            scope = scope.scopes.setdefault(part, _Scope(f"{scope.name}/{part}".lstrip("/")))
        scope.ops.append(op)

    def every(self) -> Iterator[OpChange]:
        """Yield the ops of this scope and of those below."""
        yield from self.ops
        for scope in self.scopes.values():
            yield from scope.every()

    @property
    def times_ms(self) -> tuple[float, float]:
        """Time of all its ops in each arm."""
        return _total(list(self.every()))


def _total(timed: list[OpChange]) -> tuple[float, float]:
    return sum(each.times_ms[0] for each in timed), sum(each.times_ms[1] for each in timed)


def _differs(op: OpChange) -> bool:
    return op.significant or op.kind is not ChangeKind.SAME


def _weight(part: _Scope | OpChange) -> tuple[bool, float, float]:
    ops = list(part.every()) if isinstance(part, _Scope) else [part]
    changed_ms = sum(abs(op.change_ms.estimate) for op in ops if _differs(op))
    return not any(map(_differs, ops)), -changed_ms, -sum(_total(ops))


def _inside(scope: _Scope, depth: int, begin_ms: tuple[float, float]) -> Iterator[Bar]:
    parts: list[_Scope | OpChange] = [*map(_joined, scope.scopes.values()), *scope.ops]
    if depth > _MOST_SCOPES:
        parts = list(scope.every())
    for part in sorted(parts, key=_weight):
        yield _bar(part, depth, begin_ms)
        if isinstance(part, _Scope):
            yield from _inside(part, depth + 1, begin_ms)
        begin_ms = begin_ms[0] + part.times_ms[0], begin_ms[1] + part.times_ms[1]


def _joined(scope: _Scope) -> _Scope:
    """Skip scopes that only contain another one."""
    while not scope.ops and len(scope.scopes) == 1:
        (scope,) = scope.scopes.values()
    return scope


def _bar(part: _Scope | OpChange, depth: int, begin_ms: tuple[float, float]) -> Bar:
    if isinstance(part, _Scope):
        return Bar(part.name, depth, begin_ms, part.times_ms)
    return Bar(part.name, depth, begin_ms, part.times_ms, part.op, part.kind, _differs(part), part.change_ms)


def _rest(found: Attribution, shown_ms: tuple[float, float]) -> Iterator[Bar]:
    """Yield what is left of the execution: time outside of ops, and ops that the answer does not list."""
    listed = tuple(sum(op.calls[arm] > 0 for op in found.ops) for arm in (0, 1))
    before_ms, after_ms = (max(found.execute_ms[arm] - shown_ms[arm], 0.0) for arm in (0, 1))
    if max(before_ms, after_ms) > _NOTHING_MS:
        yield Bar(OUTSIDE if listed == found.op_count else OTHER, 1, shown_ms, (before_ms, after_ms))
