"""Python-looking text to calls: parsed, never executed.

A line is a call of a known name with literals for arguments: numbers, texts, None, True and False, pairs of numbers,
sums and products of numbers, `np.pi`, `np.deg2rad(<number>)` and the like. Anything else is refused by name.
"""

from __future__ import annotations

import ast
import difflib
import math
import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError

MAX_CHARACTERS = 20_000
MAX_CALLS = 100
MAX_DEPTH = 12
"""How deep an argument's expression may nest."""
MAX_NUMBER = 1e9

_FENCED = re.compile(r"```(?:python|py)?[ \t]*\n(.*?)```", re.DOTALL | re.IGNORECASE)
_MODULES = ("np", "numpy", "math")
_CONSTANTS = {"pi": math.pi, "tau": math.tau}
_FUNCTIONS: dict[str, Callable[[float], float]] = {
    "deg2rad": math.radians,
    "radians": math.radians,
    "rad2deg": math.degrees,
    "degrees": math.degrees,
}
_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
}
_BOUNDS = {
    "greater_than", "greater_than_equal", "less_than", "less_than_equal", "finite_number", "too_long", "too_short",
}  # fmt: skip


class ProgramError(ValueError):
    """Text that is no program.

    `kind` is one of not_python, no_calls, too_long, not_a_call, unknown_call, unknown_argument, wrong_arguments (too
    many, twice, missing), not_a_literal, out_of_bounds, wrong_value and exclusive; `line` counts from 1, of the text as
    it was given.
    """

    def __init__(self, kind: str, message: str, line: int) -> None:
        super().__init__(f"line {line}: {message}")
        self.kind = kind
        self.line = line


class Written(NamedTuple):
    """A call as it stands in a text."""

    name: str
    arguments: dict[str, Any]
    line: int


Form = tuple[tuple[str, ...], Mapping[str, str]]
"""Names of a call's arguments in their order, and further names of some of them."""


def parse_calls(text: str, forms: Mapping[str, Form]) -> list[Written]:
    """The calls in a text, whose values are not checked yet.

    One code fence around them is left away, and so are lines that import numpy or math.

    Args:
        text: from anyone.
        forms: by name of the call.

    Raises:
        ProgramError: the text is no list of such calls.
    """
    if len(text) > MAX_CHARACTERS:
        raise ProgramError("too_long", f"the program has more than {MAX_CHARACTERS:,} characters", 1)
    text, above = _without_fence(text)
    try:
        statements = _parsed(text, above)
        if len(statements) > MAX_CALLS:
            raise ProgramError("too_long", f"the program has more than {MAX_CALLS} calls", above + 1)
        calls = [_call(statement, forms, above) for statement in statements if not _is_import(statement)]
    except RecursionError as error:
        raise ProgramError("not_python", "the program nests too deep", above + 1) from error
    if not calls:
        raise ProgramError("no_calls", f"there is no call; write at least one of {', '.join(forms)}", above + 1)
    return calls


def written(name: str, arguments: Mapping[str, Any]) -> str:
    """A call as text that `parse_calls` reads."""
    return f"{name}({', '.join(f'{key}={_literal(value)}' for key, value in arguments.items())})"


def explain(error: ValidationError, call: Written) -> ProgramError:
    """What is wrong with the values of a call, in words."""
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    given = "" if not where or first["type"] == "missing" else f", not {_shown(first['input'])}"
    kind = "out_of_bounds" if first["type"] in _BOUNDS else "wrong_value"
    if first["type"] == "missing":
        kind = "wrong_arguments"
    elif first["type"] == "value_error":
        kind = "exclusive"
    return ProgramError(kind, f"{call.name}: {f'{where}: ' if where else ''}{message}{given}", call.line)


# ---------------------------------------------------------------------------------------------- statements


def _without_fence(text: str) -> tuple[str, int]:
    """The text in the only code fence, if there is one, and how many lines are above it."""
    fenced = list(_FENCED.finditer(text))
    if len(fenced) != 1:
        return text, 0
    return fenced[0][1], text.count("\n", 0, fenced[0].start(1))


def _parsed(text: str, above: int) -> list[ast.stmt]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text).body
    except SyntaxError as error:
        line = above + (error.lineno or 1)
        raise ProgramError("not_python", f"{error.msg}; write one call on each line, and nothing else", line) from error
    except (ValueError, MemoryError, RecursionError) as error:
        raise ProgramError("not_python", "this cannot be read; write one call on each line", above + 1) from error


def _is_import(statement: ast.stmt) -> bool:
    """Whether it is one of those that models put above a program: they change nothing."""
    if not isinstance(statement, ast.Import):
        return False
    harmless = {("numpy", "np"), ("numpy", None), ("math", None)}
    return all((name.name, name.asname) in harmless for name in statement.names)


def _call(statement: ast.stmt, forms: Mapping[str, Form], above: int) -> Written:
    line = above + statement.lineno
    call = statement.value if isinstance(statement, ast.Expr) else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        raise ProgramError(
            "not_a_call", f"a program holds calls such as {next(iter(forms))}(...), and nothing else", line
        )
    name = call.func.id
    if name not in forms:
        raise ProgramError("unknown_call", f"there is no {_cut(name)}{_hint(name, forms)}", line)
    names, also = forms[name]
    if len(call.args) > len(names):
        raise ProgramError(
            "wrong_arguments", f"{name} has {len(names)} arguments ({', '.join(names)}), not {len(call.args)}", line
        )
    arguments: dict[str, Any] = {}
    for key, value in zip(names, call.args, strict=False):
        arguments[key] = _value(value, f"{name}: {key}", line)
    for keyword in call.keywords:
        if keyword.arg is None:
            raise ProgramError("not_a_literal", f"{name}: ** cannot be used; name each argument", line)
        key = also.get(keyword.arg, keyword.arg)
        if key not in names:
            message = f"{name} has no {_cut(keyword.arg)}{_hint(keyword.arg, names)}"
            raise ProgramError("unknown_argument", message, line)
        if key in arguments:
            raise ProgramError("wrong_arguments", f"{name}: {key} is given twice", line)
        arguments[key] = _value(keyword.value, f"{name}: {key}", line)
    return Written(name, arguments, line)


# ---------------------------------------------------------------------------------------------- values


def _value(node: ast.expr, where: str, line: int) -> Any:
    """An argument: None, a truth value, a text, a number or a pair of numbers."""
    if isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, bool | str)):
        return node.value
    if isinstance(node, ast.Call) and _attribute(node.func) == "array" and len(node.args) == 1 and not node.keywords:
        node = node.args[0]
    if isinstance(node, ast.Tuple | ast.List):
        if len(node.elts) > MAX_CALLS:
            raise ProgramError("wrong_value", f"{where} lists too much", line)
        return tuple(_number(part, where, line, 0) for part in node.elts)
    return _number(node, where, line, 0)


def _number(node: ast.expr, where: str, line: int, depth: int) -> float:
    found: float | None = None
    if depth > MAX_DEPTH:
        raise ProgramError("not_a_literal", f"{where} nests too deep; write the number itself", line)
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        found = node.value
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        found = _number(node.operand, where, line, depth + 1)
        found = -found if isinstance(node.op, ast.USub) else found
    elif isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        left, right = (_number(side, where, line, depth + 1) for side in (node.left, node.right))
        try:
            found = _OPERATORS[type(node.op)](left, right)
        except ZeroDivisionError as error:
            raise ProgramError("wrong_value", f"{where} divides by zero", line) from error
    elif isinstance(node, ast.Attribute):
        found = _CONSTANTS.get(_attribute(node) or "")
        if _attribute(node) in ("nan", "NaN", "inf", "Inf", "infty"):
            raise ProgramError("out_of_bounds", f"{where} must be a finite number; None leaves it out", line)
    elif isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
        function = _FUNCTIONS.get(_attribute(node.func) or "")
        found = function(_number(node.args[0], where, line, depth + 1)) if function else None
    if found is None:
        raise ProgramError(
            "not_a_literal",
            f"{where} must be written out: a number, np.pi, np.deg2rad(90), a text, (x, y) or None",
            line,
        )
    if not abs(found) <= MAX_NUMBER:
        raise ProgramError("out_of_bounds", f"{where} is no finite number of a sensible size", line)
    return float(found)


def _attribute(node: ast.expr) -> str | None:
    """`pi` of `np.pi`; None for anything that is no name in numpy or math."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in _MODULES:
        return node.attr
    return None


def _literal(value: Any) -> str:
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, tuple | list):
        return f"({', '.join(_literal(part) for part in value)})"
    return repr(value)


def _shown(value: Any) -> str:
    return _cut(repr(value))


def _cut(text: str) -> str:
    return text if len(text) <= 40 else text[:40] + "..."


def _hint(name: str, known: Mapping[str, Any] | tuple[str, ...]) -> str:
    hits = difflib.get_close_matches(name[:60].lower(), list(known), n=1, cutoff=0.5)
    return f"; did you mean {hits[0]}?" if hits else f"; there are {', '.join(known)}"
