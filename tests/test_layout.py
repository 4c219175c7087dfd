"""Everything stands where its path says: tests mirror the rooms, helpers have one home, and no file
or function is too long to be read."""

from pathlib import Path

import pytest

from tests.support.layout import ABOUT_THE_PROJECT, Project

HOUSE = Project.at(Path(__file__).parents[1])
# Of all modules with code, at least so many have the test file one would guess.
TESTED_SHARE = 0.75


def test_every_unit_test_names_a_module_that_exists() -> None:
    assert HOUSE.tests_that_name_no_module() == []
    assert set(HOUSE.files) >= ABOUT_THE_PROJECT


def test_every_test_file_has_a_test() -> None:
    assert HOUSE.tests_without_a_test() == []


def test_most_modules_have_the_test_file_one_would_guess() -> None:
    missing = HOUSE.modules_without_their_test()
    share = 1 - len(missing) / len(HOUSE.modules)

    assert share >= TESTED_SHARE, f"only {share:.0%}; without theirs: {', '.join(missing)}"


def test_all_helpers_of_tests_live_in_one_room() -> None:
    assert HOUSE.stray_helpers() == []


def test_the_domain_is_tested_without_a_server() -> None:
    assert HOUSE.tests_of_rules_that_ask_for_shared_fixtures() == []


def test_no_file_and_no_function_is_too_long() -> None:
    assert HOUSE.long_files() == []
    assert HOUSE.long_functions() == []


CODE = "def f():\n    pass\n"
TEST = "def test_f():\n    pass\n"


@pytest.mark.parametrize(
    "name", ["test_b", "test_b_when_late", "test_script", "test_package", "deep/test_c"]
)
def test_a_module_is_named_by_the_path_of_its_test(name: str) -> None:
    code = dict.fromkeys(("a/b.py", "a/package/__init__.py", "a/deep/c.py"), CODE)
    project = Project(code | {"a/script.lua": "", f"tests/a/{name}.py": TEST})

    assert project.tests_that_name_no_module() == []


@pytest.mark.parametrize(
    "test", ["tests/test_b.py", "tests/a/test_c.py", "tests/a/test_late_b.py", "tests/b/test_b.py"]
)
def test_a_test_that_moved_away_from_its_module_is_found(test: str) -> None:
    project = Project({"a/b.py": CODE, "a/deep/c.py": CODE, test: TEST})

    assert project.tests_that_name_no_module() == [test]
    assert project.modules_without_their_test() == ["a/b.py", "a/deep/c.py"]


def test_modules_without_a_function_need_no_test() -> None:
    code = {
        "a/b.py": CODE,
        "a/names.py": "NAME = 1\n",
        "a/__init__.py": CODE,
        "a/__main__.py": CODE,
    }
    project = Project(code | {"tests/a/test_b.py": TEST})

    assert project.modules == ["a/b.py"]
    assert project.modules_without_their_test() == []


def test_a_test_file_that_only_repeats_names_is_found() -> None:
    again = "from tests.a.test_b import test_f\n"
    project = Project({"tests/a/test_b.py": TEST, "tests/a/test_c.py": again})

    assert project.tests_without_a_test() == ["tests/a/test_c.py"]


def test_a_helper_beside_its_test_is_found() -> None:
    project = Project(
        dict.fromkeys(
            ("tests/a/made_up.py", "tests/a/conftest.py", "tests/support/made_up.py"), CODE
        )
    )

    assert project.stray_helpers() == ["tests/a/made_up.py"]


@pytest.mark.parametrize(
    "test",
    [
        "async def test_f(redis: Redis) -> None:\n    pass\n",
        "class TestF:\n    def test_f(self, redis):\n        pass\n",
        "@pytest.mark.usefixtures('redis')\ndef test_f():\n    pass\n",
        "@pytest.fixture\ndef own(redis):\n    pass\n",
    ],
)
def test_a_rule_that_is_tested_on_a_server_is_found(test: str) -> None:
    shared = "@pytest.fixture(scope='session')\nasync def redis():\n    yield\n"
    files = {"tests/support/fixtures.py": shared, "tests/infra/test_a.py": test}
    project = Project(files | {"tests/domain/test_a.py": test, "tests/domain/test_b.py": TEST})

    (found,) = project.tests_of_rules_that_ask_for_shared_fixtures()
    assert found.startswith("tests/domain/test_a.py: ")


def test_what_is_too_long_is_found() -> None:
    fits, too_long = "    pass\n" * 44, "    pass\n" * 45
    project = Project(
        {
            "a.py": "\n" * 301,
            "b.py": "\n" * 300,
            "tests/c.py": f"@mark\ndef fits():\n{fits}async def g():\n{too_long}",
            "infra/postgres/migrations/versions/1.py": f"def upgrade():\n{too_long}",
        }
    )

    assert project.long_files() == ["a.py: 301"]
    assert project.long_functions() == ["tests/c.py: g: 46"]
