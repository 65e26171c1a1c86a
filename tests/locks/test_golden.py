"""Locks that the real compilers write are read exactly, found clean, and after each small change found broken."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import making
import pytest
from locks.reading import pins, roots

from pytest_envrepro.config import Config
from pytest_envrepro.discovery import discover, tree_of
from pytest_envrepro.files import Files

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from projects import Project, Site

    from pytest_envrepro.model import Lock

# Name, version, requirements, extras: what the compilers choose from.
DISTRIBUTIONS: list[tuple[str, str, tuple[str, ...], tuple[str, ...]]] = [
    (
        "flask",
        "3.0",
        (
            "Werkzeug>=3",
            "jinja2>=3.1",
            "click>=8",
            'colorama>=0.4; sys_platform == "win32"',
            'asgiref>=3; extra == "async"',
        ),
        ("async",),
    ),
    ("werkzeug", "3.0", ("MarkupSafe>=2.1",), ()),
    ("jinja2", "3.1", ("MarkupSafe>=2",), ()),
    ("zope-interface", "6.0", ("setuptools",), ()),
    ("click", "8.0", (), ()),
    ("click", "8.1", (), ()),
    ("markupsafe", "2.1", (), ()),
    ("markupsafe", "3.0", (), ()),
    ("asgiref", "3.7", (), ()),
    ("colorama", "0.4", (), ()),
    ("coverage", "7.4", (), ()),
    ("setuptools", "69.0", (), ()),
]
FLASK = {
    "click": "==8.1",
    "flask": "==3.0",
    "jinja2": "==3.1",
    "markupsafe": "==3.0",
    "werkzeug": "==3.0",
}
PYPROJECT = """\
[project]
name = "demo"
version = "1.0"
dependencies = [
    "click",
]

[project.optional-dependencies]
dev = ["coverage>=7"]
web = ["flask"]
all = ["demo[dev,web]"]

[dependency-groups]
test = ["coverage", { include-group = "Command_Line" }]
command-line = ["click>=8.1"]
"""
BIN = Path(sys.executable).parent
PIP_TOOLS = ["pip-compile", "--quiet", "--no-index", "--no-emit-index-url", "--no-emit-find-links"]
UV = ["uv", "pip", "compile", "--quiet", "--no-index", "--no-cache"]


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with the wheels."""
    folder = tmp_path_factory.mktemp("wheels")
    for name, version, requires, extras in DISTRIBUTIONS:
        making.wheel(folder, name, version, requires, extras=extras)
    return folder


@pytest.fixture
def compile_lock(project: Project, index: Path) -> Callable[..., None]:
    """Give a function that runs a compiler in the project, or in a folder of it."""
    hidden = ("PYTHON", "PIP_", "UV_", "CUSTOM_COMPILE", "COVERAGE_")  # None of our code runs in a compiler.
    environ = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}

    def run(*words: str, folder: str = "") -> None:
        tool = PIP_TOOLS if words[0] == "pip-compile" else UV
        command = [str(BIN / tool[0]), *tool[1:], "--find-links", str(index), *words[1:]]
        environment = {**environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
        done = subprocess.run(
            command, cwd=project.path / folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    return run


@pytest.fixture
def installed(site: Site) -> None:
    """Install the newest of every distribution."""
    for name, version, requires, extras in {each[0]: each for each in DISTRIBUTIONS}.values():
        site.add(name, version, requires, extras=extras)


def read(project: Project, path: str = "requirements.txt") -> Lock:
    """Find the project's locks, and read one."""
    files = Files(project.path)
    tree = tree_of(files, {})
    return discover(files, tree, Config()).parse(path, tree)


def assert_clean(project: Project, subject: str = "requirements.txt") -> None:
    """Assert that the check finds nothing, and proves every pin that applies here."""
    judged = project.judge("lock", subject)
    assert (judged["outcome"], judged["findings"]) == ("clean", [])


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    "options",
    [
        ["pip-compile"],
        ["pip-compile", "--generate-hashes", "--strip-extras"],
        ["pip-compile", "--annotation-style=line", "--output-file=requirements.txt"],
        ["pip-compile", "--no-annotate", "--no-header", "--newline=crlf"],
        ["uv", "-o", "requirements.txt"],
        ["uv", "-orequirements.txt", "--generate-hashes", "--no-strip-extras"],
        ["uv", "--output-file=requirements.txt", "--annotation-style=line"],
        ["uv", "-o", "requirements.txt", "--no-annotate"],
        ["uv", "-o", "requirements.txt", "--no-header"],
        ["uv", "-o", "requirements.txt", "--no-header", "--no-annotate"],
    ],
    ids=" ".join,
)
def test_styles(project: Project, compile_lock: Callable[..., None], options: list[str]) -> None:
    """However a compiler writes a lock, it is read the same, and is clean."""
    project.write({"requirements.in": "Flask[async]>=3  # the server\ncoverage\n"})
    compile_lock(*options, "requirements.in")

    lock = read(project)

    assert pins(lock) == {**FLASK, "asgiref": "==3.7", "coverage": "==7.4"}
    assert roots(lock) == ["requirements.in:1 flask[async]>=3", "requirements.in:2 coverage"]
    assert lock.inputs == ("requirements.in",)
    assert {len(pin.hashes) for pin in lock.pins} == {1 if "--generate-hashes" in options else 0}
    assert lock.tool == (None if "--no-header" in options else options[0])
    assert lock.faults == ()
    assert_clean(project)


@pytest.mark.usefixtures("installed")
def test_universal(project: Project, compile_lock: Callable[..., None]) -> None:
    """A universal lock has pins for other platforms, which are no holes and no orphans here."""
    project.write({"requirements.in": 'flask\nclick<8.1 ; python_version < "3"\n'})
    compile_lock("uv", "--universal", "-o", "requirements.txt", "requirements.in")

    lock = read(project)

    assert pins(lock) == {**FLASK, "colorama": "==0.4 ; sys_platform == 'win32'"}
    assert lock.target.universal
    assert_clean(project)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("command", "expected", "found"),
    [
        (["pip-compile", "pyproject.toml"], {"click": "==8.1"}, ["pyproject.toml:5 click"]),
        (
            ["pip-compile", "--extra=dev", "pyproject.toml"],
            {"click": "==8.1", "coverage": "==7.4"},
            ["pyproject.toml:5 click", "pyproject.toml:9 coverage>=7"],
        ),
        (
            ["pip-compile", "--extra=dev", "--extra=web", "pyproject.toml"],
            {**FLASK, "coverage": "==7.4"},
            ["pyproject.toml:5 click", "pyproject.toml:9 coverage>=7", "pyproject.toml:10 flask"],
        ),
        (
            ["uv", "-o", "requirements.txt", "--extra", "all", "pyproject.toml"],
            {**FLASK, "coverage": "==7.4"},
            ["pyproject.toml:5 click", "pyproject.toml:9 coverage>=7", "pyproject.toml:10 flask"],
        ),
        (
            ["uv", "-o", "requirements.txt", "--group", "test"],
            {"click": "==8.1", "coverage": "==7.4"},
            ["pyproject.toml:14 coverage", "pyproject.toml:15 click>=8.1"],
        ),
        (
            ["uv", "-o", "requirements.txt", "--group", "pyproject.toml:command-line", "pyproject.toml"],
            {"click": "==8.1"},
            ["pyproject.toml:5 click", "pyproject.toml:15 click>=8.1"],
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) and value[0] in ("pip-compile", "uv") else "",
)
def test_project(
    project: Project,
    compile_lock: Callable[..., None],
    command: list[str],
    expected: Mapping[str, str],
    found: list[str],
) -> None:
    """Of a `pyproject.toml`, the dependencies, extras and groups are read that the command names."""
    project.write({"pyproject.toml": PYPROJECT})
    compile_lock(*command)

    lock = read(project)

    assert pins(lock) == expected
    assert roots(lock) == found
    assert lock.inputs == ("pyproject.toml",)
    assert_clean(project)


@pytest.mark.usefixtures("installed")
def test_settings_of_pip_tools(project: Project, compile_lock: Callable[..., None]) -> None:
    """What stands in `[tool.pip-tools]` counts as if it had been typed."""
    settings = '\n[tool.pip-tools]\nextra = ["dev"]\nallow-unsafe = true\n'
    project.write({"pyproject.toml": PYPROJECT + settings})
    compile_lock("pip-compile", "pyproject.toml")

    assert pins(read(project)) == {"click": "==8.1", "coverage": "==7.4"}
    assert_clean(project)


@pytest.mark.usefixtures("installed")
def test_settings_of_uv(project: Project, compile_lock: Callable[..., None]) -> None:
    """What stands in `[tool.uv]` holds for every lock that uv compiles in that folder, whatever its inputs."""
    settings = """
[tool.uv]
constraint-dependencies = ["markupsafe<3"]
override-dependencies = ["click==8.0"]

[tool.uv.pip]
no-emit-package = ["jinja2"]
"""
    project.write({"pyproject.toml": PYPROJECT + settings, "requirements.in": "flask\nclick>=8.1\n"})
    compile_lock("uv", "-o", "requirements.txt", "requirements.in")

    lock = read(project)

    assert pins(lock) == {"click": "==8.0", "flask": "==3.0", "markupsafe": "==2.1", "werkzeug": "==3.0"}
    assert [str(root.requirement) for root in lock.constraints] == ["markupsafe<3"]
    assert [str(root.requirement) for root in lock.overrides] == ["click==8.0"]
    assert "jinja2" in lock.excluded
    assert_clean(project)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("tool", ["pip-compile", "uv"])
def test_layers(project: Project, compile_lock: Callable[..., None], tool: str) -> None:
    """A lock on top of another lock reads it as an input and as constraints, and tells of its faults only once."""
    project.write(
        {
            "requirements/base.in": "flask\n",
            "requirements/dev.in": "-r base.in\n-c base.txt\ncoverage\n",
        }
    )
    compile_lock(tool, "--output-file=requirements/base.txt", "requirements/base.in")
    compile_lock(tool, "--output-file=requirements/dev.txt", "requirements/dev.in")

    lock = read(project, "requirements/dev.txt")

    assert pins(lock) == {**FLASK, "coverage": "==7.4"}
    assert roots(lock) == ["requirements/dev.in:3 coverage", "requirements/base.in:1 flask"]
    assert {str(root.requirement) for root in lock.constraints} == {
        f"{name}{version}" for name, version in FLASK.items()
    }
    assert lock.rests_on == {"requirements/dev.in", "requirements/base.in", "requirements/base.txt"}
    assert_clean(project, "requirements/dev.txt")

    project.write({"requirements/base.in": "flask\nasgiref\n"})

    place = ("requirements/base.in:2", "not pinned in requirements/base.txt")
    assert project.findings("lock", "requirements/base.txt") == [("missing-direct", "asgiref", None, None, *place)]


@pytest.mark.usefixtures("installed")
def test_options_of_uv(project: Project, compile_lock: Callable[..., None]) -> None:
    """Constraints, overrides and excludes are read from the files that the command names."""
    project.write(
        {
            "requirements.in": "flask\n",
            "constraints.txt": "markupsafe<3\n",
            "overrides.txt": "click<8.1\n",
            "excludes.txt": "jinja2\n",
        }
    )
    options = ["-c", "constraints.txt", "--overrides", "overrides.txt", "--excludes", "excludes.txt"]
    compile_lock("uv", "-o", "requirements.txt", *options, "requirements.in")

    lock = read(project)

    assert pins(lock) == {"click": "==8.0", "flask": "==3.0", "markupsafe": "==2.1", "werkzeug": "==3.0"}
    assert [f"{root.file} {root.requirement}" for root in lock.constraints] == ["constraints.txt markupsafe<3"]
    assert [f"{root.file} {root.requirement}" for root in lock.overrides] == ["overrides.txt click<8.1"]
    assert lock.excluded == {"jinja2"}
    assert_clean(project)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("options", [[], ["--allow-unsafe"], ["--generate-hashes"]], ids=str)
def test_unsafe(project: Project, compile_lock: Callable[..., None], options: list[str]) -> None:
    """What pip-compile takes for unsafe stands commented out, or is pinned: either is right."""
    project.write({"requirements.in": "zope.interface\nsetuptools\n"})
    compile_lock("pip-compile", *options, "requirements.in")

    lock = read(project)

    unsafe = {"setuptools": "==69.0"} if options == ["--allow-unsafe"] else {}
    assert pins(lock) == {"zope-interface": "==6.0", **unsafe}
    assert ("setuptools" in lock.excluded) == (not unsafe)
    assert_clean(project)


@pytest.mark.usefixtures("installed")
def test_folders(project: Project, compile_lock: Callable[..., None]) -> None:
    """A command's paths are relative to where it ran, which the lock itself shows, with several inputs too."""
    project.write({"service/a.in": "click\n", "service/b.in": "coverage\n", "a.in": "setuptools\n"})
    compile_lock("pip-compile", "a.in", folder="service")
    compile_lock("pip-compile", "--output-file=all.txt", "b.in", "a.in", folder="service")
    compile_lock("uv", "a.in", "-o", f"{project.path}/service/uv.txt", folder="service")

    assert roots(read(project, "service/a.txt")) == ["service/a.in:1 click"]
    assert roots(read(project, "service/all.txt")) == ["service/a.in:1 click", "service/b.in:1 coverage"]
    assert roots(read(project, "service/uv.txt")) == ["service/a.in:1 click"]
    assert (read(project, "service/a.txt").fix or "").startswith("cd service && pip-compile ")


def _replaced(path: str, old: str, new: str) -> Callable[[Project], None]:
    def change(project: Project) -> None:
        file = project.path / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    return change


def _reordered(project: Project) -> None:
    file = project.path / "requirements.txt"
    header, _, body = file.read_text().partition("asgiref==3.7")
    entries = ("asgiref==3.7" + body).replace("\n    #", "\0").splitlines()
    file.write_text(header + "\n".join(reversed(entries)).replace("\0", "\n    #") + "\n")


LOCK = "requirements.txt"
INPUT = "requirements.in"
MUTATIONS: dict[str, tuple[Callable[[Project], None], list[tuple[Any, ...]]]] = {
    "root dropped": (
        _replaced(LOCK, "coverage==7.4\n    # via -r requirements.in\n", ""),
        [("missing-direct", "coverage", None, None, "requirements.in:2", "not pinned in requirements.txt")],
    ),
    "transitive dropped": (
        _replaced(LOCK, "click==8.1\n    # via flask\n", ""),
        [("missing-transitive", "click", ">=8", None, "requirements.txt:11", "flask 3.0 needs click>=8")],
    ),
    "root bumped": (
        _replaced(LOCK, "flask[async]==3.0", "flask[async]==2.0"),
        [("violated-direct", "flask", ">=3", "2.0", "requirements.in:1", "requirements.txt:13 pins 2.0")],
    ),
    "transitive bumped": (
        _replaced(LOCK, "click==8.1", "click==7.0"),
        [("violated-transitive", "click", ">=8", "7.0", "requirements.txt:9", "flask 3.0 needs click>=8")],
    ),
    "input tightened": (
        _replaced(INPUT, "coverage", "coverage>=8"),
        [("violated-direct", "coverage", ">=8", "7.4", "requirements.in:2", "requirements.txt:11 pins 7.4")],
    ),
    "input relaxed": (_replaced(INPUT, "Flask[async]>=3", "Flask[async]"), []),
    "input dropped": (
        _replaced(INPUT, "coverage\n", ""),
        [("stale-direct", "coverage", None, "7.4", "requirements.txt:11", "requirements.in no longer asks for it")],
    ),
    "reordered": (_reordered, []),
    "other case": (_replaced(LOCK, "markupsafe==", "MarkupSafe=="), []),
    "comments lost": (_replaced(LOCK, "    # via -r requirements.in\n", ""), []),
}


@pytest.mark.usefixtures("installed")
def test_mutations(project: Project, compile_lock: Callable[..., None]) -> None:
    """Each change of a lock or its input gives its own finding at its own line, and a harmless one gives none."""
    project.write({INPUT: "Flask[async]>=3\ncoverage\n"})
    compile_lock("pip-compile", "--no-strip-extras", INPUT)
    original = {name: (project.path / name).read_text() for name in (LOCK, INPUT)}

    found = {}
    for name, (change, _) in MUTATIONS.items():
        project.write(original)
        change(project)
        found[name] = project.findings()

    assert found == {name: findings for name, (_, findings) in MUTATIONS.items()}


@pytest.mark.usefixtures("installed")
def test_hash_dropped(project: Project, compile_lock: Callable[..., None]) -> None:
    """A lock in which one pin has lost its hashes is refused by pip, and is broken here."""
    project.write({INPUT: "coverage\nclick\n"})
    compile_lock("uv", "--generate-hashes", "-o", LOCK, INPUT)
    text = (project.path / LOCK).read_text()
    start = text.index(" \\\n    --hash", text.index("coverage=="))
    project.write({LOCK: text[:start] + text[text.index("\n    # via", start) :]})

    message = "no hash, though other pins have one: pip refuses the lock"
    assert project.findings() == [("partial-hashes", "coverage", None, "7.4", "requirements.txt:6", message)]
