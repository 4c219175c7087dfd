"""Where files must stand, so that a stranger finds them: the rules, each with what breaks it."""

import ast
import os
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Self

MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 45

# About the project and no module of it, or about all workflows at once.
ABOUT_THE_PROJECT = frozenset(
    [f"tests/test_{name}.py" for name in ("docs", "imports", "layout", "quick")]
    + ["tests/workflows/test_replay.py"]
)
STORIES, SUPPORT, DOMAIN = "tests/stories/", "tests/support/", "tests/domain/"
MIGRATIONS = "infra/postgres/migrations/"
CODE = (".py", ".lua")
# Where statements hold others.
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


class Project:
    """The Python files of a project (and its Lua scripts), by their paths below its root."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = files

    @classmethod
    def at(cls, root: Path) -> Self:
        paths: list[Path] = []
        for folder, below, names in os.walk(root):
            # An environment has more files than all the rest: it is not even entered.
            below[:] = [name for name in below if not _is_foreign(name)]
            paths += [Path(folder, name) for name in names if name.endswith(CODE)]
        return cls({path.relative_to(root).as_posix(): path.read_text() for path in sorted(paths)})

    @property
    def python(self) -> dict[str, str]:
        return {path: text for path, text in self.files.items() if path.endswith(".py")}

    @property
    def modules(self) -> list[str]:
        """Product files with code that a test can run."""
        return [
            path
            for path, text in self.python.items()
            if not path.startswith(("tests/", MIGRATIONS))
            and PurePosixPath(path).stem not in ("__init__", "__main__")
            and functions(text)
        ]

    @property
    def unit_tests(self) -> list[str]:
        others = (STORIES, SUPPORT)
        return [
            path for path in self._below_tests if _is_test(path) and not path.startswith(others)
        ]

    @property
    def _below_tests(self) -> list[str]:
        return [path for path in self.python if path.startswith("tests/")]

    def tests_that_name_no_module(self) -> list[str]:
        return [
            test
            for test in self.unit_tests
            if test not in ABOUT_THE_PROJECT and not self._named(test)
        ]

    def _named(self, test: str) -> bool:
        """`tests/a/test_b.py` names `a/b.py`, the script `a/b.lua` or the package `a/b`; where one
        file is too small for all its tests, `tests/a/test_b_when_late.py` names `a/b.py` too."""
        path = PurePosixPath(test)
        folder, name = path.relative_to("tests").parent, path.stem.removeprefix("test_")
        words = name.split("_")
        files = {f"{name}.py", f"{name}.lua", f"{name}/__init__.py"}
        files |= {"_".join(words[:count]) + ".py" for count in range(1, len(words))}
        return any((folder / file).as_posix() in self.files for file in files)

    def tests_without_a_test(self) -> list[str]:
        return [
            path
            for path in self._below_tests
            if _is_test(path)
            and not any(name.startswith("test_") for name, _ in functions(self.files[path]))
        ]

    def modules_without_their_test(self) -> list[str]:
        return [module for module in self.modules if test_of(module) not in self.files]

    def stray_helpers(self) -> list[str]:
        return [
            path
            for path in self._below_tests
            if not path.startswith(SUPPORT)
            and not _is_test(path)
            and PurePosixPath(path).stem not in ("conftest", "__init__")
        ]

    def tests_of_rules_that_ask_for_shared_fixtures(self) -> list[str]:
        """`tests/domain` gets by without servers, and without all else that is shared."""
        shared = {
            node.name
            for path in self._below_tests
            if path.startswith(SUPPORT)
            for node in _functions(self.files[path])
            if any(ast.unparse(it).startswith("pytest.fixture") for it in node.decorator_list)
        }
        return [
            f"{path}: {node.name}"
            for path in self._below_tests
            if path.startswith(DOMAIN)
            for node in _functions(self.files[path])
            if shared & _asked_for(node)
        ]

    def long_files(self) -> list[str]:
        lengths = {path: len(text.splitlines()) for path, text in self.python.items()}
        return [f"{path}: {lines}" for path, lines in lengths.items() if lines > MAX_FILE_LINES]

    def long_functions(self) -> list[str]:
        """Migrations are lists of what is made, one after the other."""
        return [
            f"{path}: {name}: {lines}"
            for path, text in self.python.items()
            if not path.startswith(MIGRATIONS)
            for name, lines in functions(text)
            if lines > MAX_FUNCTION_LINES
        ]


def test_of(module: str) -> str:
    path = PurePosixPath("tests", module)
    return path.with_name(f"test_{path.name}").as_posix()


# Parsing all files takes a second; each is asked about more than once. The trees are not kept:
# the collector of garbage would go through all of them again and again.
@cache
def functions(text: str) -> tuple[tuple[str, int], ...]:
    """The names of all functions with their lengths in lines, decorators not counted."""
    return tuple(
        (node.name, (node.end_lineno or node.lineno) - node.lineno + 1) for node in _functions(text)
    )


def _functions(text: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Goes through statements alone: most of a tree is expressions, which define nothing."""
    waiting: list[ast.AST] = [ast.parse(text)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
        for within in _BLOCKS:
            waiting += getattr(node, within, ())


def _asked_for(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """Fixtures by argument, and by `usefixtures`."""
    named = {argument.arg for argument in function.args.args}
    for decorator in function.decorator_list:
        if "usefixtures" in ast.unparse(decorator) and isinstance(decorator, ast.Call):
            named |= {str(name.value) for name in decorator.args if isinstance(name, ast.Constant)}
    return named


def _is_test(path: str) -> bool:
    return PurePosixPath(path).name.startswith("test_")


def _is_foreign(part: str) -> bool:
    """Of what stands in a working copy beside the project: environments, caches, data."""
    return part.startswith(".") or part in ("build", "dist", "node_modules")
