"""What the docs name exists, and what must be named is: checked, because prose does not compile."""

import inspect
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import SecretStr
from pydantic_settings import BaseSettings

import infra.settings
from api.app import create_app
from cli import app as command_line
from domain.attention import AttentionKind
from infra.settings import Settings
from practice.stack.settings import EmbeddedSettings

PROJECT = Path(__file__).parents[1]
DOCS = PROJECT / "docs"
PAGES = sorted([PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *DOCS.rglob("*.md")])
OPERATION = DOCS / "operation.md"
DEPENDENCIES = DOCS / "decisions" / "011-dependencies.md"

LINK = re.compile(r"\]\(([^)\s]+)\)")
QUOTED = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"[a-z_.]+(?:/[\w.*-]+)*/?")
TEST = re.compile(r"(tests/[\w/]+\.py)::(\w+)")
VARIABLE = re.compile(r"\bSECKILL_[A-Z0-9_]+\b")
COMMAND = re.compile(r"\bseckill (?!--)([a-z]+(?:-[a-z]+)*)\b(?=[^`\n]*`)")
TARGET = re.compile(r"\bmake ([a-z-]+)\b(?=[^`\n]*`)")
ROUTE = re.compile(r"/v1/[\w/{}$.-]*\w\}?")
MAX_PICTURE_BYTES = 300_000

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))


@pages
def test_every_link_inside_the_project_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text()):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page

        assert target.exists(), f"{page.name} links to {link}"
        assert not anchor or anchor in _anchors(target), f"{page.name} links to {link}"


@pages
def test_every_file_named_exists(page: Path) -> None:
    for name in _named_files(page.read_text()):
        assert list(PROJECT.glob(name.rstrip("/"))), f"{page.name} names {name}"


@pages
def test_every_test_named_exists(page: Path) -> None:
    for path, name in TEST.findall(page.read_text()):
        assert f"def {name}(" in (PROJECT / path).read_text(), f"{path}::{name}"


@pages
def test_every_command_named_exists(page: Path) -> None:
    text = _with_fences_quoted(page.read_text())
    commands = set(typer.main.get_group(command_line).commands)
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))

    assert set(COMMAND.findall(text)) <= commands
    assert set(TARGET.findall(text)) <= targets


@pages
def test_every_setting_named_exists(page: Path) -> None:
    assert set(VARIABLE.findall(page.read_text())) <= set(_variables())


@pages
def test_every_address_of_the_api_named_exists(page: Path) -> None:
    for route in ROUTE.findall(page.read_text()):
        assert any(re.fullmatch(path, route) for path in _api_paths()), f"{page.name} names {route}"


def test_every_setting_is_explained_with_its_default() -> None:
    table = _rows(OPERATION.read_text())

    for variable, default in _variables().items():
        assert variable in table, f"docs/operation.md does not explain {variable}"
        assert table[variable][1] == default, f"the default of {variable} is {default}"


def test_every_kind_of_attention_says_what_to_do() -> None:
    table = _rows(OPERATION.read_text())

    assert {kind.value for kind in AttentionKind} <= set(table)


def test_every_direct_dependency_has_its_line_and_no_other_has() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    wanted = {_bare(name) for name in project["dependencies"]}
    wanted |= {_bare(name) for extra in project["optional-dependencies"].values() for name in extra}
    lines = [line for line in DEPENDENCIES.read_text().splitlines() if line.startswith("| `")]
    named = {name for line in lines for name in QUOTED.findall(line.split("|")[1])}

    assert named == wanted


def test_the_list_of_decisions_is_whole() -> None:
    folder = DOCS / "decisions"
    listed = set(LINK.findall((folder / "README.md").read_text()))

    assert listed == {path.name for path in folder.glob("[0-9]*.md")}


def test_the_front_page_says_how_to_test() -> None:
    assert "make test" in (PROJECT / "README.md").read_text()


def test_pictures_are_small_and_shown_somewhere() -> None:
    shown = {
        (page.parent / link).resolve()
        for page in PAGES
        for link in LINK.findall(page.read_text())
        if link.endswith(".png")
    }
    pictures = set((DOCS / "pictures").iterdir())

    assert pictures == shown
    assert all(picture.stat().st_size < MAX_PICTURE_BYTES for picture in pictures)


def _anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _named_files(text: str) -> Iterator[str]:
    rooms = {path.name for path in PROJECT.iterdir() if path.is_dir()}
    for quoted in QUOTED.findall(text):
        is_path = PATH.fullmatch(quoted) is not None
        if is_path and (quoted.split("/")[0] in rooms or quoted.endswith((".py", ".lua", ".md"))):
            yield quoted


def _with_fences_quoted(text: str) -> str:
    """Each line of a fence in backticks, so that commands are found there as well."""
    parts = re.split(r"^```.*$", text, flags=re.MULTILINE)
    for index in range(1, len(parts), 2):
        parts[index] = "".join(f"`{line}`\n" for line in parts[index].splitlines())
    return "\n".join(parts)


@cache
def _variables() -> dict[str, str]:
    """Every variable our settings read, with its default as the docs write it."""
    members = [member for _, member in inspect.getmembers(infra.settings, inspect.isclass)]
    ours: list[type[BaseSettings]] = [
        member
        for member in members
        if issubclass(member, BaseSettings) and member is not BaseSettings
    ]
    # The processes' own classes last: where both know a variable, theirs is the default.
    rooms: list[type[BaseSettings]] = [EmbeddedSettings, *ours]
    return {
        f"{room.model_config['env_prefix']}{name}".upper(): _written(field.default)
        for room in rooms
        for name, field in room.model_fields.items()
    }


def _written(default: Any) -> str:
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    if isinstance(default, Path):
        return f"`{default.name}`"
    if default is None or default == "":
        return "–"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _rows(text: str) -> dict[str, list[str]]:
    """Rows of all tables by what their first cell quotes."""
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("| `")
    ]
    return {name: row for row in cells for name in QUOTED.findall(row[0])}


@cache
def _api_paths() -> tuple[str, ...]:
    """As expressions that match the path with anything in the place of its parameters."""
    settings = Settings(jwt_secret=SecretStr("x" * 32), dev_login=True)
    paths = create_app(settings).openapi()["paths"]
    return tuple(re.sub(r"\{\w+\}", "[^/]+", path) for path in paths)


def _bare(requirement: str) -> str:
    return re.split(r"[\[<>=~! ;]", requirement)[0]
