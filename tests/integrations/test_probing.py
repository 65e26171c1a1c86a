"""`probe = "import"`: what is installed is imported too, in a process of its own."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from integrations.cataloguing import Shop

pytestmark = pytest.mark.core

TABLE = """
[tool.envrepro.integrations.it]
requirements = ["psycopg>=3"]
variables = ["SAID"]
probe = "import"
"""
LOUD = "print('loud', flush=True); import os; os.environ['SAID']\n"


@pytest.fixture
def shop(shop: Shop) -> Shop:
    """Give a project whose integration is imported."""
    shop.write({"pyproject.toml": TABLE})
    shop.environ["SAID"] = "1"
    return shop


def test_imports(shop: Shop) -> None:
    """What imports is met, whatever it prints; its tests are not imported, and nothing is in this process."""
    shop.install("psycopg", "3.1", files={"psycopg/__init__.py": LOUD, "tests/__init__.py": "1/0"})

    assert shop.check("it")[0] == "met"
    assert "psycopg" not in sys.modules


def test_does_not_import(shop: Shop) -> None:
    """What does not is unmet, with the error's words in one line."""
    shop.install("psycopg", "3.1", files={"psycopg/__init__.py": "raise OSError('libpq.so.5:\\n cannot open')\n"})

    ((sentence, found, met), _) = shop.check("it")[1]

    assert sentence == "psycopg>=3: 3.1 is installed, and psycopg does not import: OSError: libpq.so.5: cannot open"
    assert (found, met) == ("3.1", False)


GONE = "raise ModuleNotFoundError(\"No module named '{}'\")\n"
FIXES = {
    "its own module is gone": (
        GONE.format("psycopg.pq"),
        None,
        "pip install --force-reinstall --no-deps 'psycopg==3.1'",
    ),
    "another's module is gone": (GONE.format("typing_more"), None, None),
    "one of a like name is gone": (GONE.format("psycopg_c"), None, None),
    "a library of the system": ("raise ImportError('libpq.so.5: cannot open shared object file')\n", None, None),
    "it ends Python": ("import os; os._exit(7)\n", None, None),
    "it is from elsewhere": (
        GONE.format("psycopg.pq"),
        {"url": "https://example.org/psycopg.whl", "archive_info": {}},
        None,
    ),
}


@pytest.mark.parametrize(("module", "source", "fix"), FIXES.values(), ids=FIXES)
def test_fix(shop: Shop, module: str, source: dict[str, Any] | None, fix: str | None) -> None:
    """To install it again is told only where files of its own are gone: against all else that does not help."""
    shop.install("psycopg", "3.1", files={"psycopg/__init__.py": module}, direct_url=source)

    (need,) = shop.catalogue.check("it").unmet

    assert need.fix == fix


def test_fix_with_uv(shop: Shop) -> None:
    """Where uv installs the project, it is uv that does it again."""
    shop.write({"uv.lock": ""})
    shop.install("psycopg", "3.1", files={"psycopg/__init__.py": "import psycopg.pq\n"})

    assert shop.catalogue.check("it").unmet[0].fix == "uv sync --reinstall-package psycopg"


def test_ends_python(shop: Shop) -> None:
    """What ends the interpreter is unmet, and ends no session."""
    shop.install("psycopg", "3.1", files={"psycopg.py": "import os; os._exit(7)\n"})

    assert shop.check("it")[1][0][0] == "psycopg>=3: 3.1 is installed, and its import ended Python (exit code 7)"


def test_namespace(shop: Shop) -> None:
    """In a folder that many distributions share, it is the packages within it."""
    files = {"shared/mine/__init__.py": "", "shared/mine/deeper/__init__.py": "1/0", "shared/mine/py.typed": ""}
    shop.install("psycopg", "3.1", files=files)
    (shop.site / "shared/other").mkdir()

    assert shop.check("it")[0] == "met"

    (shop.site / "shared/mine/__init__.py").write_text("1/0")

    assert "shared.mine does not import: ZeroDivisionError" in shop.check("it")[1][0][0]


def test_no_modules(shop: Shop) -> None:
    """A distribution without a module, as those that only name others are, has none to import."""
    shop.install("psycopg", "3.1")

    assert shop.check("it")[0] == "met"


def test_top_level(shop: Shop) -> None:
    """`top_level.txt` says which of the files are the distribution's own names."""
    folder = shop.install("psycopg", "3.1", files={"psycopg.py": "", "setup.py": "1/0"})
    (folder / "top_level.txt").write_text("psycopg\n")

    assert shop.check("it")[0] == "met"


def test_editable(shop: Shop) -> None:
    """The list of an editable installation names no module: that of its own name is imported if there is one."""
    shop.install("psycopg", "3.1", direct_url={"url": "file:///srv/psycopg", "dir_info": {"editable": True}})
    (shop.site / "psycopg.py").write_text("1/0")

    assert "psycopg does not import: ZeroDivisionError" in shop.check("it")[1][0][0]

    (shop.site / "psycopg.py").unlink()

    assert shop.check("it")[0] == "met"


def test_not_from_the_project(shop: Shop) -> None:
    """A folder of the project that has the same name is not what is installed."""
    shop.install("psycopg", "3.1", files={"psycopg.py": ""})
    shop.write({"psycopg/__init__.py": "1/0"})

    assert shop.check("it")[0] == "met"


def test_only_what_is_asked_for(shop: Shop) -> None:
    """What is missing is not imported, and what another integration needs is believed."""
    table = TABLE + 'includes = ["sql"]\n[tool.envrepro.integrations.sql]\nrequirements = ["other", "gone"]\n'
    shop.write({"pyproject.toml": table})
    shop.install("psycopg", "3.1", files={"psycopg.py": ""})
    shop.install("other", "1", files={"other.py": "1/0"})

    assert [sentence for sentence, _, met in shop.check("it")[1] if not met] == ["gone is not installed"]


def test_another_version(shop: Shop) -> None:
    """What is another version is that, and is not imported."""
    shop.install("psycopg", "2.9", files={"psycopg.py": "1/0"})

    assert shop.check("it")[1][0] == ("psycopg>=3: 2.9 is installed", "2.9", False)


def test_imported_once(shop: Shop) -> None:
    """A distribution is imported once in a session, however many integrations ask."""
    other = TABLE.replace(".it]", ".other]").replace(">=3", ">=2")
    shop.write({"pyproject.toml": TABLE + other})
    shop.install("psycopg", "3.1", files={"psycopg.py": "print(1, file=open('imports', 'a'))"})
    catalogue = shop.catalogue

    assert [catalogue.check(name).status for name in ("it", "other")] == ["met", "met"]
    assert (shop.root / "imports").read_text() == "1\n"
