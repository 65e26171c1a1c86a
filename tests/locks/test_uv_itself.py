"""uv reads the locks of `test_uv_lock.py` as we do: which are true, and what of them it would install."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from indexes import uv_program
from judging import Case
from locks import uv_golden

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

pytestmark = pytest.mark.requires_packages("uv>=0.9")


def whole(files: Mapping[str, str]) -> dict[str, str]:
    """Give the files with hashes of their full length."""
    return {
        path: re.sub(r"sha256:(\w{8})\"", lambda found: f'sha256:{found[1] * 8}"', text) for path, text in files.items()
    }


def uv(case: Case, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run uv in a project, without any network and without what this machine says of indexes."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("UV_", "VIRTUAL_ENV"))}
    return subprocess.run(
        [uv_program(), *arguments, "--offline", "--default-index", "https://index.example/simple"],
        cwd=case.root,
        env={**environ, "UV_PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", ["PROJECT", "WORKSPACE", "VIRTUAL"])
def test_unchanged(tmp_path: Path, name: str) -> None:
    """What we call clean is so to `uv lock --check`."""
    case = Case(tmp_path, whole(getattr(uv_golden, name)))

    done = uv(case, "lock", "--check")

    assert (done.returncode, case.judge("lock", "uv.lock").status) == (0, "clean"), done.stderr


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"jinja2>=3"', '"jinja2>=3.1"'),
        ('"jinja2>=3"', '"jinja2"'),
        ('    "click",\n', ""),
        ('    "click",\n', '    "click",\n    "six",\n'),
        ("< '3.14'", "< '3.13'"),
        ('version = "0.1.0"', 'version = "0.2.0"'),
        ('requires-python = ">=3.9"', 'requires-python = ">=3.10"'),
    ],
)
def test_stale(tmp_path: Path, old: str, new: str) -> None:
    """What uv would lock again is stale to us."""
    files = whole(uv_golden.PROJECT)
    assert files["pyproject.toml"].count(old) == 1
    case = Case(tmp_path, {**files, "pyproject.toml": files["pyproject.toml"].replace(old, new)})

    done = uv(case, "lock", "--check")

    assert done.returncode == 1, done.stderr
    assert "stale-stamp" in {finding[0] for finding in case.findings("lock", "uv.lock")}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('    "jinja2>=3",\n    "click",\n', '    "click",\n    "jinja2>=3",\n'),
        ('"jinja2>=3"', '"Jinja2 >= 3"'),
        ("python_version < '3.14'", "python_version >= '3.9' and python_version < '3.14'"),
        ('[{include-group = "dev"}]', "[]"),
    ],
)
def test_same_in_other_words(tmp_path: Path, old: str, new: str) -> None:
    """What makes no difference to uv makes none to us."""
    files = whole(uv_golden.PROJECT)
    case = Case(tmp_path, {**files, "pyproject.toml": files["pyproject.toml"].replace(old, new)})

    done = uv(case, "lock", "--check")

    assert (done.returncode, case.findings("lock", "uv.lock")) == (0, []), done.stderr


def test_transitive_gone(tmp_path: Path) -> None:
    """A package that is gone with what leads to it is no fault to uv, and one to us where its parent is installed."""
    files = whole(uv_golden.PROJECT)
    first, *packages = files["uv.lock"].split("[[package]]\n")
    kept = [package for package in packages if not package.startswith('name = "markupsafe"\n')]
    lock = "[[package]]\n".join([first, *kept]).replace('dependencies = [\n    { name = "markupsafe" },\n]\n', "")
    assert "markupsafe" not in lock.replace("markupsafe-", "")
    case = Case(tmp_path, {**files, "uv.lock": lock})
    case.install("jinja2", "3.1.6", ("MarkupSafe>=2.0",))

    done = uv(case, "lock", "--check")

    assert done.returncode == 0, done.stderr
    assert [finding[:2] for finding in case.findings("lock", "uv.lock")] == [("missing-transitive", "markupsafe")]


@pytest.mark.parametrize(
    ("name", "arguments", "chosen"),
    [
        ("PROJECT", (), None),
        ("PROJECT", ("--extra", "i18n"), 'groups = ["dev"], extras = ["i18n"]'),
        ("PROJECT", ("--group", "docs"), 'groups = ["dev", "docs"]'),
        ("PROJECT", ("--no-dev",), "groups = []"),
        ("WORKSPACE", (), None),
        ("VIRTUAL", (), None),
        ("CHOICES", (), None),
        ("CHOICES", ("--extra", "cpu"), 'extras = ["cpu"]'),
        ("CHOICES", ("--extra", "gpu"), 'extras = ["gpu"]'),
    ],
)
def test_installed(tmp_path: Path, name: str, arguments: tuple[str, ...], chosen: str | None) -> None:
    """What is to be installed is what `uv sync` would install."""
    files = whole(getattr(uv_golden, name))
    if chosen:
        files["pyproject.toml"] += f'\n[tool.envrepro]\ninstalled = [{{ lock = "uv.lock", {chosen} }}]\n'
    case = Case(tmp_path, files)

    done = uv(case, "sync", "--frozen", "--dry-run", *arguments)

    assert done.returncode == 0, done.stderr
    wanted = set(re.findall(r"^ \+ (\S+)==(\S+)$", done.stderr, re.MULTILINE))
    absent = {(finding[1], (finding[2] or "").removeprefix("==")) for finding in case.findings("installed", "uv.lock")}
    assert absent == wanted
