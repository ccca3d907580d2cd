"""Refuse files, functions and classes that have grown too large, and names that say nothing.

The limits are the hard ones of CONTRIBUTING.md; one is changed by a decision record, never by an exception here.
"""

import ast
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

FILE_LINES = 400
METHOD_FILE_LINES = 200
FUNCTION_LINES = 60  # without its docstring
CLASS_LINES = 300
CLASS_METHODS = 20
EMPTY_FILE_NAMES = {"utils", "helpers", "common", "base", "misc"}
EMPTY_CLASS_WORDS = ("Manager", "Handler", "Helper")


def main(folders: list[str]) -> int:
    """Print every problem under the folders, then the sizes in one line; return 1 when there was a problem."""
    paths = sorted(path for folder in folders for path in Path(folder).rglob("*.py"))
    problems = [problem for path in paths for problem in problems_in(path)]
    for problem in problems:
        print(problem)
    lengths = sorted(num_lines(path) for path in paths if path.is_relative_to("src"))
    if lengths:
        print(f"src: {len(lengths)} files, {sum(lengths)} lines, median {statistics.median(lengths):.0f}, ", end="")
        print(f"90th percentile {lengths[int(0.9 * (len(lengths) - 1))]}, longest {lengths[-1]}")
    return 1 if problems else 0


def problems_in(path: Path) -> Iterator[str]:
    """Yield ``path:line: what is too large, and the limit`` for one file."""
    is_method = path.is_relative_to("src/napari_medkd/methods") and path.stem != "__init__"
    limit = METHOD_FILE_LINES if is_method else FILE_LINES
    if num_lines(path) > limit:
        yield f"{path}:1: the file has {num_lines(path)} lines, {limit} at most. Split it by its nouns."
    if path.stem in EMPTY_FILE_NAMES:
        yield f"{path}:1: the name says nothing. Name the file after what it holds."
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from function_problems(path, node)
        elif isinstance(node, ast.ClassDef):
            yield from class_problems(path, node)


def function_problems(path: Path, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    """Yield what is wrong with one function; its docstring is not counted."""
    lines = node_lines(function)
    if ast.get_docstring(function) is not None:
        lines -= node_lines(function.body[0])
    if lines > FUNCTION_LINES:
        yield f"{path}:{function.lineno}: {function.name}() has {lines} lines, {FUNCTION_LINES} at most."


def class_problems(path: Path, owner: ast.ClassDef) -> Iterator[str]:
    """Yield what is wrong with one class."""
    methods = [node for node in owner.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    where = f"{path}:{owner.lineno}"
    if node_lines(owner) > CLASS_LINES:
        yield f"{where}: class {owner.name} has {node_lines(owner)} lines, {CLASS_LINES} at most."
    if len(methods) > CLASS_METHODS:
        yield f"{where}: class {owner.name} has {len(methods)} methods, {CLASS_METHODS} at most."
    if owner.name.endswith(EMPTY_CLASS_WORDS) or owner.name.startswith("Base"):
        yield f"{where}: class {owner.name} is named after no thing. Say what it is."


def node_lines(node: ast.stmt) -> int:
    """Return how many lines a statement spans."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def num_lines(path: Path) -> int:
    """Return how many lines a file has."""
    return len(path.read_text(encoding="utf-8").splitlines())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
