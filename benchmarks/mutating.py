"""Small faults put into a syntax tree, one at a time: what `mutants.py` draws from."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

SWAPPED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
OPPOSITES = (ast.Eq, ast.NotEq, ast.In, ast.NotIn, ast.Is, ast.IsNot)
"""Swapped they negate the whole comparison already."""
UNREAD = {"annotation", "returns", "decorator_list", "type_params", "bases"}
OF_TASTE = {"token_hex", "token_bytes", "quoted", "cleaned", "sleep", "round"}
"""Calls whose numbers are nobody's promise: one more of them is as good."""
OF_MODELS = {"frozen", "defer_build"}
"""What these keywords promise is held by the type checker, or only saves time."""
ELSEWHERE = ("not systems.HERE.modes", "TYPE_CHECKING")
"""What stands under these conditions is not run here."""
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
Change: TypeAlias = tuple[str, str, str]
"""The function, its statement, and what becomes of that."""


@dataclass(frozen=True)
class Spot:
    """One node of a tree, where it hangs, and the statement it is told by."""

    node: ast.AST
    owner: ast.AST
    field: str
    index: int | None
    statement: ast.AST
    names: tuple[str, ...] = ()
    runs: bool = False
    """Whether it is inside a function."""

    def put(self, node: ast.AST) -> None:
        """Hang another node in its place."""
        if self.index is None:
            setattr(self.owner, self.field, node)
        else:
            getattr(self.owner, self.field)[self.index] = node

    def faults(self) -> Iterator[ast.AST]:
        """What could stand here by mistake."""
        node = self.node
        if isinstance(node, ast.Compare):
            yield from comparisons(node)
        if isinstance(node, ast.BoolOp):
            yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yield node.operand
        elif self.field in {"test", "ifs"} and isinstance(node, ast.expr) and not is_opposed(node):
            yield ast.UnaryOp(ast.Not(), node)
        if isinstance(node, ast.Constant):
            yield from self._constants(node.value)
        if isinstance(node, ast.stmt):
            yield from self._statements(node)

    def _constants(self, value: object) -> Iterator[ast.AST]:
        if isinstance(value, bool):
            if getattr(self.owner, "arg", None) not in OF_MODELS:
                yield ast.Constant(not value)
        elif isinstance(value, int) and self.runs and called(self.owner) not in OF_TASTE:
            yield ast.Constant(value + 1)

    def _statements(self, node: ast.stmt) -> Iterator[ast.AST]:
        if isinstance(node, ast.Raise) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call | ast.Await)):
            yield ast.Pass()
        if isinstance(node, ast.Assign | ast.AugAssign) and is_kept_elsewhere(node):
            yield ast.Pass()
        if isinstance(node, ast.Return):
            early = not isinstance(self.owner, FUNCTIONS)
            if early or not (node.value is None or is_empty(node.value)):
                yield ast.Pass() if early else ast.Return(ast.Constant(None))


def changes(tree: ast.Module) -> Iterator[Change]:
    """Put one fault after the other into a tree: it is in there until the next one is asked for."""
    for spot in spots(Spot(tree, tree, "", None, tree)):
        for fault in spot.faults():
            before = first_line(spot.statement)
            spot.put(fault)
            yield ".".join(spot.names), before, first_line(fault if spot.node is spot.statement else spot.statement)
            spot.put(spot.node)


def spots(parent: Spot) -> Iterator[Spot]:
    """All nodes below one that decide what is done; not what only says it."""
    owner = parent.node
    for field, value in ast.iter_fields(owner):
        if field in UNREAD:
            continue
        for index, node in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(node, ast.AST) and not is_talk(node):
                spot = Spot(node, owner, field, index if isinstance(value, list) else None, node)
                spot = replace(spot, names=names_of(parent, node), runs=parent.runs or isinstance(owner, FUNCTIONS))
                told = node if isinstance(node, ast.stmt | ast.Lambda) else parent.statement
                spot = replace(spot, statement=told, runs=spot.runs and field != "args")
                yield spot
                yield from spots(spot)


def names_of(parent: Spot, node: ast.AST) -> tuple[str, ...]:
    """The qualified name of the function or class; a rule outside of both has the name of the table it is in."""
    if isinstance(node, SCOPES):
        return (*parent.names, node.name)
    if not parent.names and isinstance(node, ast.Assign | ast.AnnAssign):
        return (ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target),)
    return parent.names


def is_talk(node: ast.AST) -> bool:
    """Whether a node is a text, a message in the log, or is not run here at all."""
    if isinstance(node, ast.Expr) and ast.unparse(node).startswith(("log.", "logging.")):
        return True
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.If) and ast.unparse(node.test) in ELSEWHERE)


def is_opposed(node: ast.expr) -> bool:
    """Whether a condition has its opposite among its own faults."""
    return isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], OPPOSITES)


def is_kept_elsewhere(node: ast.Assign | ast.AugAssign) -> bool:
    """Whether it changes an object; without a plain name the next line would only fall over."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return all(isinstance(one, ast.Attribute | ast.Subscript) for one in targets)


def is_empty(node: ast.expr) -> bool:
    """Whether None would mean the same to whoever asks."""
    return (isinstance(node, ast.Constant) and not node.value) or ast.unparse(node) in {"()", "[]", "{}"}


def comparisons(node: ast.Compare) -> Iterator[ast.AST]:
    """A comparison with one of its signs swapped."""
    for number, sign in enumerate(node.ops):
        signs = [*node.ops]
        signs[number] = SWAPPED[type(sign)]()
        yield ast.Compare(node.left, signs, node.comparators)


def called(node: ast.AST) -> str:
    """The plain name of what a node calls."""
    return ast.unparse(node.func).rpartition(".")[2] if isinstance(node, ast.Call) else ""


def first_line(node: ast.AST) -> str:
    """A statement on one line, without what stands below it."""
    shallow = copy.copy(node)
    for field, value in ast.iter_fields(node):
        if field in {"body", "orelse", "handlers", "finalbody"} and isinstance(value, list):
            setattr(shallow, field, [ast.Pass()] if field == "body" else [])
        if field == "decorator_list":
            shallow.decorator_list = []  # type: ignore[attr-defined]  # whatever has the field
    return ast.unparse(shallow).partition("\n")[0]
