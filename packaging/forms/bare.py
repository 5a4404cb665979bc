"""Source without what only readers need: comments and docstrings become nothing, and every other line stays where it is."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator


def bare(source: str) -> str:
    """A module that does the same, and whose failures name the same lines."""
    lines = source.splitlines()
    for line, column in comments(source):
        lines[line - 1] = lines[line - 1][:column].rstrip()
    for text, alone in unused_texts(ast.parse(source)):
        first, last = text.lineno - 1, (text.end_lineno or text.lineno) - 1
        lines[first] = " " * text.col_offset + "pass" if alone else ""
        lines[first + 1 : last + 1] = [""] * (last - first)
    return "\n".join([*lines, ""])


def comments(source: str) -> Iterator[tuple[int, int]]:
    """Where each begins."""
    for one in tokenize.generate_tokens(io.StringIO(source).readline):
        if one.type == tokenize.COMMENT:
            yield one.start


def unused_texts(module: ast.Module) -> Iterator[tuple[ast.stmt, bool]]:
    """Texts that are statements, each with whether nothing else stands in its block."""
    for node in ast.walk(module):
        for block in (getattr(node, name, None) for name in ("body", "orelse", "finalbody")):
            if isinstance(block, list):
                texts = [one for one in block if is_text(one)]
                yield from ((one, one is block[0] and len(texts) == len(block)) for one in texts)


def is_text(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
