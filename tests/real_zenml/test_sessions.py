"""Sessions beside the ZenML that is installed: its integrations are listed, skip, fail and are exported."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from typing import TYPE_CHECKING

import making
import pytest
from needing import WAYS
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from real_zenml.asking import pretend, pretend_python

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from projects import Project, Site
    from real_zenml.asking import ZenML

pytestmark = pytest.mark.requires_integration("zenml")

MARKED = """
import pytest

@pytest.mark.requires_integration("zenml:{name}")
def test_one():
    pass
"""
CHAIN = "kubernetes 25.0 needs urllib4, urllib4 1.0 needs no-such-thing>=2, which is not installed"


def normal(requirements: Iterable[str]) -> set[tuple[str, ...]]:
    """Give what requirements come to: each name once for each marker and URL, with all of its extras and bounds."""
    joined: dict[tuple[str, str, str], tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    for each in map(Requirement, requirements):
        extras, bounds = joined[canonicalize_name(each.name), each.url or "", str(each.marker or "")]
        extras |= set(map(canonicalize_name, each.extras))
        bounds |= set(map(str, each.specifier))
    return {(*key, *sorted(extras), *sorted(bounds)) for key, (extras, bounds) in joined.items()}


def test_list(project: Project, zenml: ZenML) -> None:
    """The table has the integrations that `zenml integration list` has, each once, and report and table agree."""
    result = project.test("--env-integrations", "--env-report=report.json")
    theirs = [f"zenml:{name}" for name in zenml.listed().installed]
    printed = [line.split() for line in result.outlines if line.startswith("zenml:")]
    reported = [(each["name"], each["status"]) for each in project.report()["integrations"]]

    assert len(theirs) > 50
    assert [name for name, _ in printed] == sorted(theirs)
    assert [each for each in reported if each[0].startswith("zenml:")] == [(name, status) for name, status in printed]
    assert result.ret == 0


@WAYS
def test_skip_and_fail(project: Project, way: tuple[str, ...]) -> None:
    """A laptop skips, and CI fails at set-up, with what is missing."""
    project.write({"test_it.py": MARKED.format(name="pytorch")})
    reason = "requires integration 'zenml:pytorch': torch is not installed (pip install 'torch')"

    lenient = project.test("-rs", *way)

    lenient.assert_outcomes(skipped=1)
    assert f"SKIPPED [1] test_it.py:4: {reason}" in lenient.outlines
    assert "zenml:pytorch: 1 test skipped (torch is not installed): pip install 'torch'" in lenient.outlines
    assert lenient.ret == 0

    strict = project.test("--env-strict", *way)

    strict.assert_outcomes(errors=1)
    assert reason in strict.outlines
    assert strict.ret == 1


@WAYS
def test_pass(project: Project, site: Site, way: tuple[str, ...]) -> None:
    """Where all of it is installed the test runs."""
    site.add("torch", "2.9.0")
    project.write({"test_it.py": MARKED.format(name="pytorch")})

    result = project.test("--env-strict", *way)

    result.assert_outcomes(passed=1)
    assert result.ret == 0


@WAYS
def test_what_zenml_does_not_see(project: Project, site: Site, zenml: ZenML, way: tuple[str, ...]) -> None:
    """A hole that lies deeper than ZenML looks fails in CI, with the way that leads to it."""
    site.add("kubernetes", "25.0", ("urllib4",))
    site.add("urllib4", "1.0", ("no-such-thing>=2",))
    site.add("jinja2", "3.1")
    project.write({"test_it.py": MARKED.format(name="kubernetes")})

    result = project.test("--env-strict", *way)

    assert zenml.listed().installed["kubernetes"]
    result.assert_outcomes(errors=1)
    assert f"requires integration 'zenml:kubernetes': {CHAIN} (pip install 'no-such-thing>=2')" in result.outlines


@WAYS
def test_misspelled(project: Project, way: tuple[str, ...]) -> None:
    """A name that ZenML does not have fails on a laptop too, and tells which was meant."""
    project.write({"test_it.py": MARKED.format(name="pytroch")})

    result = project.test(*way)

    result.assert_outcomes(errors=1)
    said = "there is no integration 'zenml:pytroch' (did you mean 'zenml:pytorch'?)"
    assert any(said in line for line in result.outlines)


def test_export(project: Project, zenml: ZenML) -> None:
    """What is exported is what ZenML asks for, for each of its integrations: sorted, each name once."""
    registry = zenml.registry()

    exported = {name: project.test("--env-export", f"zenml:{name}") for name in registry}

    asked = {name: normal(told["requirements"]) for name, told in registry.items()}
    assert {name: normal(result.outlines) for name, result in exported.items()} == asked
    assert all(len(result.outlines) == len(asked[name]) for name, result in exported.items())
    names = [[Requirement(line).name for line in result.outlines] for result in exported.values()]
    assert names == [sorted(each) for each in names]
    assert not any(result.errlines for result in exported.values())


def test_export_is_installed_by_pip(project: Project, tmp_path: Path) -> None:
    """What is exported is read by pip, which would install it."""
    making.wheel(tmp_path / "wheels", "mlx", "0.30", ("mlx-cpu==0.30; extra == 'cpu'",), extras=("cpu",))
    making.wheel(tmp_path / "wheels", "mlx-cpu", "0.30")
    (tmp_path / "lines.txt").write_text(project.test("--env-export=zenml:mlx").stdout.str())

    done = pip(tmp_path)

    assert done.stdout.splitlines()[-1] == "Would install mlx-0.30 mlx-cpu-0.30"


def test_export_tells_contradictions(project: Project, zenml: ZenML, tmp_path: Path) -> None:
    """Of two integrations that cannot be had together ZenML gives both, on standard error; we say so, and pip does."""
    for version in ("18.20.0", "25.0"):
        making.wheel(tmp_path / "wheels", "kubernetes", version)
    for name, version in (("jinja2", "3.1"), ("numpy", "2.0")):
        making.wheel(tmp_path / "wheels", name, version)

    ours = project.test("--env-export=zenml:seldon", "--env-export=zenml:kubernetes")
    theirs = zenml.command("integration", "export-requirements", "seldon", "kubernetes")

    said = "kubernetes: no version is <26,>=21.7 (zenml:kubernetes) and ==18.20.0 (zenml:seldon)"
    assert ours.errlines == [said]
    assert ours.ret == 1
    assert {"kubernetes==18.20.0", "kubernetes>=21.7,<26"} <= set(theirs.stderr.splitlines()[-1].split())
    assert theirs.stdout == ""
    assert theirs.returncode == 0
    (tmp_path / "lines.txt").write_text("kubernetes==18.20.0\nkubernetes>=21.7,<26\n")
    assert pip(tmp_path).returncode == 1


@pytest.mark.parametrize(
    ("platform", "machine", "mlx", "tensorflow"),
    [
        ("darwin", "x86_64", None, ["tensorflow<2.15,>=2.12", "tensorflow-io>=0.24.0"]),
        ("darwin", "arm64", ["mlx"], ["tensorflow-macos<2.15,>=2.12"]),
        ("linux", "x86_64", ["mlx[cpu]"], ["tensorflow<2.15,>=2.12", "tensorflow-io>=0.24.0"]),
    ],
    ids=["a Mac with Intel", "a Mac with Apple silicon", "Linux"],
)
def test_platforms(  # Each is a column of the table.
    project: Project, site: Site, platform: str, machine: str, mlx: list[str] | None, tensorflow: list[str]
) -> None:
    """ZenML's rules for platforms hold: what is needed there is needed, and what is excluded does not apply."""
    pretend(site.path, platform, machine)

    assert project.test("--env-export=zenml:mlx").outlines == (mlx or [])
    assert project.test("--env-export=zenml:tensorflow").outlines == tensorflow

    project.write({"test_it.py": MARKED.format(name="mlx")})
    strict = project.test("--env-strict")
    project.test("--env-integrations", "--env-report=report.json")
    statuses = {each["name"]: each["status"] for each in project.report()["integrations"]}

    assert (statuses["zenml:mlx"] == "not-applicable") == (mlx is None)
    strict.assert_outcomes(passed=int(mlx is None), errors=int(mlx is not None))


def test_python(project: Project, site: Site, zenml: ZenML) -> None:
    """On Python 3.12 ZenML's command installs two integrations not; its registry, and so we, know no such rule."""
    pretend_python(site.path, 12)

    done = zenml.command("integration", "install", "tensorflow", "deepchecks")
    listed = zenml.listed().installed
    project.test("--env-integrations", "--env-report=report.json")
    statuses = {each["name"]: each["status"] for each in project.report()["integrations"]}

    assert (
        " ".join(done.stderr.split()).count("not yet compatible with Python 3.12, thus its installation is skipped")
        == 2
    )
    assert (listed["tensorflow"], listed["deepchecks"]) == (False, False)
    assert statuses["zenml:tensorflow"] == "missing"
    assert statuses["zenml:deepchecks"] in {"missing", "partial"}  # A host may have its Debian packages.


def pip(folder: Path) -> subprocess.CompletedProcess[str]:
    """Let pip say what it would install of the lines in a folder, from the wheels in it."""
    words = ["install", "--dry-run", "--ignore-installed", "--no-index", "--find-links=wheels", "-r", "lines.txt"]
    argv = [sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", *words]
    return subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)
