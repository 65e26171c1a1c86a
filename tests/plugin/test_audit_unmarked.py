"""`--env-audit` tells of tests that import what is optional in the project, where no marker of theirs says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from projects import Project, Site

pytestmark = pytest.mark.core

TABLE = """
[project]
name = "it"
version = "1"
dependencies = ["lib-always"]
optional-dependencies = { fast = ["lib-a", "lib-always"], test = ["lib-test"] }

[dependency-groups]
gpu = ["lib-gpu[all]>=2"]
dev = ["lib-test", "openpyxl"]
pinned = ["lib-test==1"]

[tool.envrepro.integrations]
workbook = { requirements = ["openpyxl"] }
tables = { groups = ["gpu"] }
"""
UNMARKED = "and no marker of these tests says:"
FAST = f"which only extra 'fast' asks for, {UNMARKED}"


def told(project: Project, test: str, **files: str) -> list[str]:
    """Audit a module of tests, and give what is said of its imports."""
    beside = {f"tests/{name}.py": text for name, text in files.items()}
    project.write({"pyproject.toml": TABLE, "tests/test_it.py": test, **beside})
    lines = project.test("--env-audit", "-q").outlines
    start = next(index for index, line in enumerate(lines) if "honest markers" in line)
    end = next(index for index, line in enumerate(lines) if index > start and not line)
    first = next((index for index, line in enumerate(lines) if "imports" in line), end)
    return lines[first : max(first, end - 1)]


@pytest.fixture
def suite(project: Project, site: Site) -> Project:
    """Give a project beside a package whose module is called otherwise than itself."""
    site.add("lib-a", "1.0", files={"quick/__init__.py": "works = True\n", "quick/more.py": "", "quicker.py": ""})
    return project


IMPORTS = {
    "at the top": ("import quick\ndef test_it(): pass\n", 1, "quick"),
    "twice": ("import quick\nimport quicker, quick\ndef test_it():\n    import quick\n", 1, "quick"),
    "a part": ("from quick.more import __name__ as x\ndef test_it(): pass\n", 1, "quick"),
    "in the test": ("def test_it():\n    import os, quicker\n", 2, "quicker"),
    "in a block": ("def test_it():\n    with open(__file__):\n        import quick\n", 3, "quick"),
    "in a fixture": ("import pytest\n@pytest.fixture\ndef a():\n    import quick\ndef test_it(a): pass\n", 4, "quick"),
    "in a function": ("def helper():\n    import quick\ndef test_it(): helper()\n", 2, "quick"),
}


@pytest.mark.parametrize(("test", "line", "module"), IMPORTS.values(), ids=IMPORTS)
def test_imports(suite: Project, test: str, line: int, module: str) -> None:
    """An import that the test does is told with its place, wherever in the module it stands."""
    assert told(suite, test) == [
        f"tests/test_it.py:{line}: imports {module}, {FAST}",
        "  tests/test_it.py::test_it",
    ]


NOT_TOLD = {
    "a marker of its extra": "import pytest, quick\n@pytest.mark.requires_extra('fast')\ndef test_it(): quick.works.real\n",
    "a marker of the package": "import pytest, quick\npytestmark = pytest.mark.requires_packages('lib-a')\ndef test_it(): pass\n",
    "a dependency": "def test_it():\n    import lib_always\n",
    "what is for all tests, whoever else asks": "def test_it():\n    import lib_test\n",
    "the standard library": "import os, sys\ndef test_it(): pass\n",
    "a try": "try:\n    import quick\nexcept ImportError:\n    quick = None\ndef test_it(): pass\n",
    "types": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import quick\ndef test_it(): pass\n",
    "a function that nobody calls": "def helper():\n    import quick\ndef test_it(): pass\n",
    "a fixture that nobody uses": "import pytest\n@pytest.fixture\ndef a():\n    import quick\ndef test_it(): pass\n",
    "importorskip": "import pytest\ndef test_it(): pytest.importorskip('quick')\n",
}


@pytest.mark.parametrize("test", NOT_TOLD.values(), ids=NOT_TOLD)
def test_not_told(suite: Project, test: str) -> None:
    """Nothing is told of what a marker names, of what is not optional, and of what the test does not do."""
    assert told(suite, test) == []


def test_only_the_tests_that_do(suite: Project) -> None:
    """Of tests with and without the marker, and of methods of one name, those are named that import it unmarked."""
    test = """
import pytest

class TestOne:
    def test_it(self):
        import quick

class TestTwo:
    def setup_method(self):
        import quicker
    def test_it(self): pass
    @pytest.mark.requires_extra("fast")
    def test_marked(self): pass
"""

    assert told(suite, test) == [
        f"tests/test_it.py:6: imports quick, {FAST}",
        "  tests/test_it.py::TestOne::test_it",
        f"tests/test_it.py:10: imports quicker, {FAST}",
        "  tests/test_it.py::TestTwo::test_it",
    ]


BESIDE = {
    "a conftest": ({"conftest": "import quick\n"}, "def test_it(): pass\n", "conftest.py:1"),
    "a fixture of a conftest": (
        {"conftest": "import pytest\n@pytest.fixture\ndef a():\n    import quick\n@pytest.fixture\ndef b():\n    import quicker\n"},
        "def test_it(a): pass\n",
        "conftest.py:4",
    ),
    "a helper": ({"helper": "import quick\n"}, "import helper\ndef test_it(): pass\n", "helper.py:1"),
    "a function of a helper": (
        {"helper": "def go():\n    import quick\ndef stay():\n    import quicker\n"},
        "from helper import go\ndef test_it(): go()\n",
        "helper.py:2",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("files", "test", "place"), BESIDE.values(), ids=BESIDE)
def test_beside(suite: Project, files: dict[str, str], test: str, place: str) -> None:
    """What conftests and helpers import counts for the tests that use it."""
    assert told(suite, test, **files) == [
        f"tests/{place}: imports quick, {FAST}",
        "  tests/test_it.py::test_it",
    ]


def test_who_asks(suite: Project) -> None:
    """All that ask for it are named; of what is not installed, the module is called as the distribution."""
    test = "def test_one():\n    import lib_gpu\ndef test_two():\n    import openpyxl\n"

    assert told(suite, test) == [
        f"tests/test_it.py:2: imports lib_gpu, which only group 'gpu' and integration 'tables' ask for, {UNMARKED}",
        "  tests/test_it.py::test_one",
        f"tests/test_it.py:4: imports openpyxl, which only group 'dev' and integration 'workbook' ask for, {UNMARKED}",
        "  tests/test_it.py::test_two",
    ]


def test_fails_nothing(suite: Project) -> None:
    """It is a word, and no failure."""
    test = "import pytest\ndef test_it(): import quick\n@pytest.mark.requires_extra('fast')\ndef test_marked(): import quick\n"
    suite.write({"pyproject.toml": TABLE.replace(', "lib-always"', ""), "tests/test_it.py": test})

    result = suite.test("--env-audit", "-q")

    assert "  tests/test_it.py::test_it" in result.outlines
    assert result.outlines[-3] == "every marker is honest"
    assert result.ret == 0


RELATIVE = {
    "an object": ("from .quicker import Fake\n", None),
    "a module": ("from . import quicker\n", None),
    "an object of what imports it": ("from .helper import quick\n", "own/helper.py"),
    "what imports it": ("from . import helper\n", "own/helper.py"),
    "from above": ("from ..above import thing\n", "above.py"),
}


@pytest.mark.parametrize(("line", "file"), RELATIVE.values(), ids=RELATIVE)
def test_relative(suite: Project, line: str, file: str | None) -> None:
    """What is imported relatively is the project's own, whatever it is called; what that imports counts."""
    inner = "own/deep" if line.startswith("from ..") else "own"
    suite.write(
        {"own/__init__.py": "", f"{inner}/__init__.py": "", f"{inner}/test_own.py": f"{line}def test_own(): pass\n"}
    )
    suite.write({"own/quicker.py": "class Fake: pass\n", "own/helper.py": "import quick\n"})
    suite.write({"own/above.py": "import quick\nthing = 1\n"})
    place = f"own/{file}" if file == "above.py" else file

    assert told(suite, "def test_it(): pass\n") == (
        [f"{place}:1: imports quick, {FAST}", f"  {inner}/test_own.py::test_own"] if file else []
    )
