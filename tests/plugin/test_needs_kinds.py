"""Every kind of need, in whole sessions: where integrations come from, and how exactly what they name is judged."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from needing import WAYS, write

if TYPE_CHECKING:
    from projects import Project, Site

pytestmark = pytest.mark.core

PROVIDER = """
from pytest_envrepro.integrations import Integration, Need

class Corp:
    prefix = "corp:"
    def names(self, around):
        return ["gpu"]
    def get(self, name, around):
        return Integration("corp:gpu", requirements=("no-such-cuda>=12",), asks=(licence,)) if name == "gpu" else None

def licence(around):
    return Need("a licence", None, met=False, why="is not bought")
"""
TABLE = """
[project]
name = "it"
version = "1"
optional-dependencies = { fast = ["no-such-json>=3"], own = ["it[fast]"] }

[dependency-groups]
test-db = ["psycopg>=3.1", { include-group = "base" }]
base = ["no-such-base"]

[tool.envrepro.integrations]
requirements = { requirements = ["psycopg>=3.1"] }
tools = { tools = ["no-such-tool>=15", "envtool>=1"] }
variables = { variables = ["ENVREPRO_NO_SUCH", "ENVREPRO_EMPTY", "PATH"] }
apt-packages = { apt-packages = ["no-such-package"] }
groups = { groups = ["test-db"] }
extras = { extras = ["fast"] }
includes = { includes = ["tools", "own"] }
elsewhere = { requirements = ["no-such-driver; sys_platform == 'amiga'"] }
in-part = { requirements = ["no-such-driver; sys_platform == 'amiga'", "no-such-json"] }
believed = { requirements = ["loud"] }
imported = { requirements = ["loud"], probe = "import" }
"""
COMMIT = "0123456789012345678901234567890123456789"
URL = "app @ git+https://example.org/app"
DEBIAN = Path("/var/lib/dpkg/status").exists()
BASE = "no-such-base is not installed (pip install 'no-such-base', or --group {group})"
DB = "psycopg>=3.1 is not installed (pip install 'psycopg>=3.1'{or_})"
CHAIN = "top 1.0 needs middle, middle 1.0 needs bottom>=2, 1.0 is installed (pip install 'bottom>=2')"

# By what it is about: the marker, and the reason that its test skips for, or None where it runs.
KINDS: dict[str, tuple[str, str | None]] = {
    "requirements": (
        "requires_integration('requirements')",
        f"requires integration 'requirements': {DB.format(or_='')}",
    ),
    "tools": (
        "requires_integration('tools')",
        "requires integration 'tools': no-such-tool>=15 is not on PATH",
    ),
    "variables": (
        "requires_integration('variables')",
        "requires integration 'variables': $ENVREPRO_NO_SUCH is not set; $ENVREPRO_EMPTY is empty",
    ),
    "apt-packages": (
        "requires_integration('apt-packages')",
        (
            "requires integration 'apt-packages': no-such-package is not installed (apt-get install no-such-package)"
            if DEBIAN
            else None
        ),
    ),
    "groups": (
        "requires_integration('groups')",
        (f"requires integration 'groups': {DB.format(or_=', or --group test-db')}; {BASE.format(group='test-db')}"),
    ),
    "extras": (
        "requires_integration('extras')",
        "requires integration 'extras': no-such-json>=3 is not installed (pip install 'no-such-json>=3', or '.[fast]')",
    ),
    "includes": (
        "requires_integration('includes')",
        (
            "requires integration 'includes': no-such-json>=3 is not installed "
            "(pip install 'no-such-json>=3', or '.[own]'); no-such-tool>=15 is not on PATH"
        ),
    ),
    "a group by its name": (
        "requires_integration('Test_DB')",
        (f"requires integration 'test-db': {DB.format(or_=', or --group test-db')}; {BASE.format(group='test-db')}"),
    ),
    "an extra by its name": (
        "requires_integration('fast')",
        "requires integration 'fast': no-such-json>=3 is not installed (pip install 'no-such-json>=3', or '.[fast]')",
    ),
    "another distribution's": (
        "requires_integration('corp:gpu')",
        (
            "requires integration 'corp:gpu': no-such-cuda>=12 is not installed (pip install 'no-such-cuda>=12'); "
            "a licence is not bought"
        ),
    ),
    "an engine": (
        "requires_integration('docker-engine')",
        (
            "requires integration 'docker-engine': a Docker engine is not reachable "
            "(tried unix:///no/such.sock (DOCKER_HOST): no such file or directory) "
            "(start the engine there or correct DOCKER_HOST (without it the usual sockets are asked))"
        ),
    ),
    "markers decide first": ("requires_integration('elsewhere')", None),
    "markers decide in part": (
        "requires_integration('in-part')",
        "requires integration 'in-part': no-such-json is not installed (pip install 'no-such-json')",
    ),
    "canonical names": ("requires_packages('Dotted_Name>=1')", None),
    "pre-releases": ("requires_packages('early>=2')", None),
    "another version": (
        "requires_packages('early>=2.1')",
        "requires packages: early>=2.1: 2.1rc1 is installed (pip install 'early>=2.1')",
    ),
    "at a URL": (f"requires_packages('{URL}@{COMMIT[:8]}')", None),
    "at another commit": (
        f"requires_packages('{URL}@abcdef01')",
        (
            f"requires packages: {URL}@abcdef01: 1.0 is installed from git+https://example.org/app@{COMMIT} "
            f"(pip install '{URL}@abcdef01')"
        ),
    ),
    "at a URL, and from an index": (
        "requires_packages('dotted.name @ https://example.org/dotted.name-1.0.tar.gz')",
        (
            "requires packages: dotted-name @ https://example.org/dotted.name-1.0.tar.gz: 1.0 is installed from an index "
            "(pip install 'dotted-name @ https://example.org/dotted.name-1.0.tar.gz')"
        ),
    ),
    "an extra that is not declared": (
        "requires_packages('web[slow]')",
        "requires packages: web[slow]: 2.0 has no extra 'slow' (it has: fast)",
    ),
    "what an extra needs": (
        "requires_packages('web[fast]')",
        "requires packages: web 2.0 needs turbo, which is not installed (pip install 'turbo')",
    ),
    "what no extra needs": ("requires_packages('web')", None),
    "all the way down": ("requires_packages('top')", f"requires packages: {CHAIN}"),
    "a circle": ("requires_packages('ring-a')", None),
    "a program's version": ("requires_tools('envtool>=1,<2')", None),
    "another version of a program": (
        "requires_tools('envtool>=2', 'no-such-tool')",
        "requires tools: envtool>=2: 1.5 is on PATH; no-such-tool is not on PATH",
    ),
    "nothing is imported": ("requires_integration('believed')", None),
    "but where it is asked for": (
        "requires_integration('imported')",
        "requires integration 'imported': loud: 1.0 is installed, and loud does not import: OSError: no device",
    ),
}


@pytest.fixture
def stocked(project: Project, site: Site, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Give a project with a test for each kind, and an environment to judge them by."""
    site.add("dotted.name", "1.0")
    site.add("early", "2.1rc1")
    vcs: dict[str, Any] = {"vcs": "git", "commit_id": COMMIT}
    site.add("app", "1.0", direct_url={"url": "https://example.org/app", "vcs_info": vcs})
    site.add("web", "2.0", ('turbo; extra == "fast"',), extras=("fast",))
    site.add("top", "1.0", ("middle",))
    site.add("middle", "1.0", ("bottom>=2",))
    site.add("bottom", "1.0")
    site.add("ring-a", "1.0", ("ring-b",))
    site.add("ring-b", "1.0", ("ring-a",))
    site.add("loud", "1.0", files={"loud.py": "raise OSError('no device')\n"})
    folder = site.add("corp", "1", files={"corp_of_kinds.py": PROVIDER})
    (folder / "entry_points.txt").write_text("[pytest_envrepro.integrations]\ncorp = corp_of_kinds:Corp\n")
    tool = project.path / "bin" / "envtool"
    project.write({"bin/envtool": "#!/bin/sh\necho envtool 1.5\n"})
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tool.parent), prepend=":")
    monkeypatch.setenv("DOCKER_HOST", "unix:///no/such.sock")
    monkeypatch.setenv("ENVREPRO_EMPTY", "")
    body = "    import sys\n    assert 'loud' not in sys.modules\n"
    tests = [f"@pytest.mark.{marker}\ndef test_{index}():\n{body}" for index, (marker, _) in enumerate(KINDS.values())]
    write(project, "".join(tests), TABLE)
    return project


def lines_of(name: str) -> int:
    """Give the line in the module of tests where that kind's test begins."""
    return 2 + 4 * [*KINDS].index(name)


@WAYS
def test_kinds(stocked: Project, way: tuple[str, ...]) -> None:
    """Each is judged exactly: what is missing skips on a laptop, and fails a strict session with the same words."""
    reasons = {name: reason for name, (_, reason) in KINDS.items() if reason is not None}
    runs = len(KINDS) - len(reasons)

    lenient = stocked.test("-rs", *way)

    found = dict(re.findall(r"^SKIPPED \[1\] test_it\.py:(\d+): (.*)$", lenient.stdout.str(), re.MULTILINE))
    assert {name: found.get(str(lines_of(name))) for name in KINDS} == {name: reasons.get(name) for name in KINDS}
    lenient.assert_outcomes(passed=runs, skipped=len(reasons))
    assert lenient.ret == 0

    strict = stocked.test("--env-strict", *way)

    strict.assert_outcomes(passed=runs, errors=len(reasons))
    assert [reason for reason in reasons.values() if reason not in strict.outlines] == []
    assert strict.ret == 1


@WAYS
def test_group_of_a_project_with_uv(project: Project, way: tuple[str, ...]) -> None:
    """Where uv installs the project, it is uv's command that is told, test by test and in the summary's one line."""
    table = TABLE.replace(', { include-group = "base" }', "") + 'postgres = { groups = ["test-db"] }\n'
    parameters = "@pytest.mark.parametrize('x', range(41))\n"
    test = f"{parameters}@pytest.mark.requires_integration('postgres')\ndef test_one(x): pass\n"
    write(project, test, table, **{"uv.lock": ""})

    result = project.test("-rs", *way)

    reason = "requires integration 'postgres': psycopg>=3.1 is not installed (uv sync --group test-db)"
    assert f"SKIPPED [41] test_it.py:2: {reason}" in result.outlines
    assert "postgres: 41 tests skipped (psycopg>=3.1 is not installed): uv sync --group test-db" in result.outlines
    assert result.ret == 0
