"""Source -> its mutants: one small change each, of the kind that a tired engineer makes.

Comparisons are moved by one or turned round, arithmetic and boolean operators swapped, conditions negated,
numbers raised, texts changed, calls and assignments left out, results dropped. Left alone is what no test
should hold: log lines, docstrings, annotations, the wording of f-strings, protocols.
"""

import ast
import copy
import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
COUNTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.BitXor: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.Pow: ast.Mult,
}
TWINS = {"min": "max", "max": "min", "any": "all", "all": "any"}
LEFT_ALONE = {"_log", "_LOG", "reach"}
"""Whose calls say or do nothing in a run without faults: log lines and failpoints."""
UNLOOKED = ("annotation", "returns", "decorator_list", "bases", "ctx")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change. ``name``: its function and number; ``within``: that function, changed; ``source``: all."""

    module: str
    name: str
    line: int
    before: str
    after: str
    within: str
    source: str

    @property
    def identity(self) -> str:
        """The changed function, whatever stands elsewhere in its module."""
        return hashlib.sha256(f"{self.module}\n{self.name}\n{self.within}".encode()).hexdigest()[:20]


Change = Callable[[Any], ast.AST]
Path = tuple[tuple[str, int | None], ...]


@dataclass(frozen=True, slots=True)
class _Site:
    """Where a change is possible. ``around``: the way to the function or class around it."""

    path: Path
    line: int
    scope: str
    around: Path
    change: Change


def mutants(module: str, source: str) -> Iterator[Mutant]:
    """Every mutant of a module, in the order of its lines."""
    tree, counts = ast.parse(source), Counter[str]()
    for site in sorted(_sites(tree), key=lambda one: one.line):
        changed = copy.deepcopy(tree)
        parent, field, index = _walk(changed, site.path)
        old = getattr(parent, field) if index is None else getattr(parent, field)[index]
        before = ast.unparse(old).splitlines()[0]
        new = ast.fix_missing_locations(ast.copy_location(site.change(old), old))
        if index is None:
            setattr(parent, field, new)
        else:
            getattr(parent, field)[index] = new
        counts[site.scope] += 1
        name, after = f"{site.scope}#{counts[site.scope]}", ast.unparse(new).splitlines()[0]
        within = ast.unparse(_found(changed, site.around)) if site.around else f"{before}\n{after}"
        yield Mutant(module, name, site.line, before, after, within, ast.unparse(changed))


def _walk(tree: ast.AST, path: Path) -> tuple[ast.AST, str, int | None]:
    return _found(tree, path[:-1]), *path[-1]


def _found(tree: ast.AST, path: Path) -> ast.AST:
    node = tree
    for field, index in path:
        node = getattr(node, field) if index is None else getattr(node, field)[index]
    return node


def _sites(tree: ast.AST, path: Path = (), scope: str = "", around: Path = ()) -> Iterator[_Site]:
    for field, value in ast.iter_fields(tree):
        if field in UNLOOKED:
            continue
        for index, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(node, ast.AST) or _left_alone(node):
                continue
            at, inner, inside = (*path, (field, index)), scope, around
            for change in _changes(node):
                yield _Site(at, getattr(node, "lineno", 0), scope or "module", around, change)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                inner, inside = f"{scope}.{node.name}".lstrip("."), at
            yield from _sites(node, at, inner, inside)


def _left_alone(node: ast.AST) -> bool:
    if isinstance(node, ast.ClassDef):
        return any(isinstance(base, ast.Name) and base.id == "Protocol" for base in node.bases)
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) or _is_said(node.value)
    if isinstance(node, ast.Subscript):
        return isinstance(node.value, ast.Name) and node.value.id == "Literal"
    return isinstance(node, ast.Import | ast.ImportFrom | ast.JoinedStr)


def _is_said(call: ast.expr) -> bool:
    if not isinstance(call, ast.Call):
        return False
    owner = call.func.value if isinstance(call.func, ast.Attribute) else call.func
    return isinstance(owner, ast.Name) and owner.id in LEFT_ALONE


def _changes(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.Compare):
        yield lambda old: _with(old, ops=[COMPARED[type(old.ops[0])](), *old.ops[1:]])
    elif isinstance(node, ast.BinOp) and type(node.op) in COUNTED:
        yield lambda old: _with(old, op=COUNTED[type(old.op)]())
    elif isinstance(node, ast.AugAssign) and type(node.op) in COUNTED:
        yield lambda old: _with(old, op=COUNTED[type(old.op)]())
        yield _nothing
    elif isinstance(node, ast.BoolOp):
        yield lambda old: _with(old, op=ast.Or() if isinstance(old.op, ast.And) else ast.And())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield lambda old: old.operand
    elif isinstance(node, ast.If | ast.While | ast.IfExp) and not _has_own(node.test):
        yield lambda old: _with(old, test=ast.UnaryOp(ast.Not(), old.test))
    elif isinstance(node, ast.Constant):
        yield from _constants(node)
    elif isinstance(node, ast.Call):
        yield from _calls(node)
    else:
        yield from _statements(node)


def _has_own(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare | ast.BoolOp | ast.UnaryOp | ast.Constant)


def _constants(node: ast.Constant) -> Iterator[Change]:
    if isinstance(node.value, bool):
        yield lambda old: ast.Constant(not old.value)
    elif isinstance(node.value, int | float):
        yield lambda old: ast.Constant(old.value + 1)
    elif isinstance(node.value, str):
        yield lambda old: ast.Constant(f"X{old.value}")


def _calls(node: ast.Call) -> Iterator[Change]:
    if isinstance(node.func, ast.Name) and node.func.id in TWINS:
        yield lambda old: _with(old, func=ast.Name(TWINS[old.func.id], ast.Load()))


def _statements(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.Expr):
        if isinstance(node.value, ast.Call | ast.Await):
            yield _nothing
    elif isinstance(node, ast.Assign):
        if not isinstance(node.targets[0], ast.Name | ast.Tuple):
            yield _nothing
    elif isinstance(node, ast.Delete | ast.Raise):
        yield _nothing
    elif isinstance(node, ast.Return):
        if node.value is not None and not _is_none(node.value):
            yield lambda old: ast.Return(ast.Constant(None))
    elif isinstance(node, ast.Continue):
        yield lambda old: ast.Break()
    elif isinstance(node, ast.Break):
        yield lambda old: ast.Continue()


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _nothing(old: Any) -> ast.AST:
    return ast.Pass()


def _with(old: Any, **fields: object) -> Any:
    for name, value in fields.items():
        setattr(old, name, value)
    return old
