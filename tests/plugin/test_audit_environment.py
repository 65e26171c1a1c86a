"""What an audit runs tests in: this environment without what is claimed, down to its programs; this one stays as it is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import making
import pytest

import pytest_envrepro
from pytest_envrepro.claims import Without
from pytest_envrepro.trials import Trials

if TYPE_CHECKING:
    from projects import Project, Site

pytestmark = [
    pytest.mark.core,
    pytest.mark.skipif(sys.platform == "win32", reason="links and scripts are those of POSIX"),
]

MARK = "import os, shutil, subprocess, sys, pytest\npytestmark = pytest.mark.requires_packages('lib-a')\n"
NEEDED = "package lib-a   1       1         0      0        0"
LIES = "package lib-a   1       0         0      1        0"


def audit(project: Project, test: str) -> list[str]:
    """Audit one test that claims to need `lib-a`, and give what is printed."""
    project.write({"test_it.py": f"{MARK}def test_it():\n    {test}\n"})
    return project.test("--env-audit", "-q").outlines


def snapshot(folder: Path) -> list[tuple[str, int, int]]:
    """Give each file of a folder with its times: whatever is written into it changes them, and so does what is added."""
    places = [folder, *sorted(folder.rglob("*"))]
    return [(str(place), place.lstat().st_mtime_ns, place.lstat().st_ctime_ns) for place in places]


def virtualenv(folder: Path) -> tuple[Path, Path]:
    """Make a virtualenv in which pytest and this plugin are found too, and give its Python and its site-packages."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    command = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = Path(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip())
    ours = [str(Path(pytest_envrepro.__file__).parents[1]), *(path for path in sys.path if "-packages" in path)]
    site.joinpath("ours.pth").write_text("".join(f"import site; site.addsitedir({path!r})\n" for path in ours))
    return python, site


def in_virtualenv(project: Project, python: Path, test: str) -> list[str]:
    """Audit one test in a virtualenv that is activated, and give what is printed."""
    project.write({"test_it.py": f"{MARK}def test_it():\n    {test}\n"})
    return in_virtualenv_again(project, python)


def in_virtualenv_again(project: Project, python: Path) -> list[str]:
    """Audit what is there, in the same way."""
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    environ = {**os.environ, "PATH": path, "VIRTUAL_ENV": str(python.parents[1])}
    environ.pop("PYTHONPATH")
    command = [str(python), "-m", "pytest", "--env-audit", "-q", "-p", "no:randomly"]
    done = subprocess.run(command, cwd=project.path, env=environ, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()


@pytest.fixture
def place(tmp_path: Path) -> tuple[Path, Path]:
    """Give a virtualenv with a package that has a program."""
    python, site = virtualenv(tmp_path / "venv")
    script = f"#!{python}\nimport lib_a\nprint(lib_a.works)\n"
    making.install(site, "lib-a", "1.0", files={"lib_a.py": "works = True\n", "../../../bin/lib-a-tool": script})
    (python.parent / "lib-a-tool").chmod(0o755)
    return python, site


IN_VIRTUALENV = {
    "its module": "import lib_a",
    "its metadata": "import importlib.metadata\n    importlib.metadata.version('lib-a')",
    "its program on PATH": "subprocess.run(['lib-a-tool'], check=True)",
    "its program beside Python": "subprocess.run([os.path.join(os.path.dirname(sys.executable), 'lib-a-tool')], check=True)",
    "its module in another program": "subprocess.run(['other-tool'], check=True)",
    "python on PATH": "subprocess.run(['python', '-c', 'import lib_a'], check=True)",
    "the variable of the virtualenv": (
        "assert os.environ['VIRTUAL_ENV'] == sys.prefix\n    "
        "subprocess.run([os.environ['VIRTUAL_ENV'] + '/bin/python', '-c', 'import lib_a'], check=True)"
    ),
}


def test_all_of_it_is_gone(project: Project, place: tuple[Path, Path]) -> None:
    """Nothing of a distribution can be had: also not by programs, which run in the same environment."""
    python, _ = place
    (python.parent / "other-tool").write_text(f"#!{python}\nimport lib_a\n")
    (python.parent / "other-tool").chmod(0o755)
    tests = [f"def test_{name.replace(' ', '_')}():\n    {test}\n" for name, test in IN_VIRTUALENV.items()]
    project.write({"test_it.py": MARK + "".join(tests)})

    told = in_virtualenv_again(project, python)

    assert f"package lib-a   {len(tests)}       {len(tests)}         0      0        0" in told, "\n".join(told)


def test_the_rest_is_there(project: Project, place: tuple[Path, Path]) -> None:
    """All else works as ever: other packages, programs and this Python."""
    python, site = place
    making.install(site, "lib-b", "1.0", files={"lib_b/__init__.py": "", "lib_b/data.txt": "x"})
    (python.parent / "other-tool").write_text(f"#!{python}\nimport lib_b\n")
    (python.parent / "other-tool").chmod(0o755)
    test = "import lib_b, importlib.metadata\n    importlib.metadata.version('lib-b')\n    subprocess.run(['other-tool'], check=True)\n    assert sys.prefix != sys.base_prefix"

    assert LIES in in_virtualenv(project, python, test)


def test_the_host_stays(project: Project, place: tuple[Path, Path]) -> None:
    """This environment is not written to, not even bytecode, by a test that imports much of it."""
    python, site = place
    making.install(site, "lib-b", "1.0", files={"lib_b/__init__.py": "", "lib_b/more.py": ""})
    before = snapshot(python.parents[1])

    in_virtualenv(project, python, "import lib_b.more")

    assert snapshot(python.parents[1]) == before


@pytest.mark.parametrize("kind", ["a path", "a finder"])
def test_editable(project: Project, place: tuple[Path, Path], kind: str, tmp_path: Path) -> None:
    """A project that is installed editable works without others, and can itself be taken away."""
    python, site = place
    source = tmp_path / "source"
    source.mkdir()
    source.joinpath("edited.py").write_text("def go():\n    import lib_a\n")
    if kind == "a path":
        files = {"_edited.pth": f"{source}\n"}
    else:
        finder = (
            "import sys, importlib.util\n"
            "class Finder:\n"
            "    @staticmethod\n"
            "    def find_spec(name, path=None, target=None):\n"
            f"        if name == 'edited': return importlib.util.spec_from_file_location(name, {str(source / 'edited.py')!r})\n"
            "def install(): sys.meta_path.append(Finder)\n"
        )
        files = {"_edited.pth": "import _edited_finder; _edited_finder.install()\n", "_edited_finder.py": finder}
    making.install(
        site, "edited", "1.0", files=files, direct_url={"url": source.as_uri(), "dir_info": {"editable": True}}
    )

    assert NEEDED in in_virtualenv(project, python, "import edited\n    edited.go()")

    project.write({"test_it.py": MARK.replace("lib-a", "edited") + "def test_it(): import edited\n"})

    assert "package edited   1       1         0      0        0" in in_virtualenv_again(project, python)


def test_the_project_itself(project: Project, place: tuple[Path, Path]) -> None:
    """An extra that only a build tells is what its installed metadata say; the project itself is not taken away."""
    python, site = place
    making.install(site, "it", "1", ('lib-a; extra == "fast"', "pluggy"), extras=("fast",), files={"it.py": ""})
    project.write(
        {
            "pyproject.toml": '[project]\nname = "it"\nversion = "1"\ndynamic = ["optional-dependencies"]\n',
            "test_it.py": "import it, pytest\n@pytest.mark.requires_extra('fast')\ndef test_one(): import lib_a\n"
            "@pytest.mark.requires_extra('fast')\ndef test_two(): import it\n",
        }
    )

    assert "extra 'fast'   2       1         0      1        0" in in_virtualenv_again(project, python)


NAMESPACES = {
    "PEP 420": ({"space/a.py": ""}, {"space/b.py": ""}, {"space/c/__init__.py": ""}),
    "an __init__ that both have": (
        {"space/__init__.py": "", "space/a.py": ""},
        {"space/__init__.py": "", "space/b.py": ""},
        {},
    ),
    "deeper": (
        {"space/inner/a.py": "", "space/inner/more/x.py": ""},
        {"space/inner/b.py": ""},
        {"space/outer/c.py": ""},
    ),
}


@pytest.mark.parametrize(("mine", "theirs", "more"), NAMESPACES.values(), ids=NAMESPACES)
def test_namespaces(
    project: Project, site: Site, mine: dict[str, str], theirs: dict[str, str], more: dict[str, str]
) -> None:
    """Of a namespace that several distributions share, the parts of the others stay."""
    site.add("lib-a", "1.0", files=mine)
    site.add("lib-b", "1.0", files=theirs)
    site.add("lib-c", "1.0", files=more)
    dotted = [path.removesuffix(".py").replace("/", ".") for path in (*theirs, *more)]

    others = "; ".join(f"import {name.removesuffix('.__init__')}" for name in dotted)
    own = next(path for path in mine if path.endswith("a.py")).removesuffix(".py").replace("/", ".")
    project.write({"test_it.py": f"{MARK}def test_others():\n    {others}\ndef test_own():\n    import {own}\n"})

    told = project.test("--env-audit", "-q").outlines

    assert "package lib-a   2       1         0      1        0" in told
    assert "  test_it.py::test_others" in told


def test_what_nobody_lists(project: Project, site: Site) -> None:
    """What was made in a distribution's own folder goes with it: else it would be an empty package."""
    site.add("lib-a", "1.0", files={"lib_a/__init__.py": ""})
    (site.path / "lib_a" / "made_later.txt").write_text("")
    (site.path / "lib_a" / "__pycache__").mkdir()

    assert NEEDED in audit(project, "import lib_a")


def test_second_copy(project: Project, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution that is there twice is taken away twice."""
    site.add("lib-a", "1.0", files={"lib_a.py": ""})
    making.install(tmp_path / "second", "lib-a", "1.0", files={"lib_a.py": ""})
    monkeypatch.setenv("PYTHONPATH", f"{site.path}{os.pathsep}{tmp_path / 'second'}")

    assert NEEDED in audit(project, "import lib_a")


def test_no_list_of_files(project: Project, site: Site) -> None:
    """What does not say which files are its own is not taken away, and told."""
    (site.add("lib-a", "1.0", files={"lib_a.py": ""}) / "RECORD").unlink()

    why = "lib-a cannot be taken away: lib_a-1.0.dist-info lists no files (RECORD)"
    assert f"not known whether package lib-a is needed: {why}:" in audit(project, "import lib_a")


def test_found_all_the_same(project: Project, site: Site, tmp_path: Path) -> None:
    """Where the suite itself puts it onto the search path, it could not be taken away, and nobody is accused."""
    site.add("lib-a", "1.0", files={"lib_a.py": ""})
    making.install(tmp_path / "vendored", "lib-a", "1.0", files={"lib_a.py": ""})
    project.write({"conftest.py": f"import sys\nsys.path.insert(0, {str(tmp_path / 'vendored')!r})\n"})

    why = f"lib-a is found all the same, in {tmp_path / 'vendored'}"
    assert f"not known whether package lib-a is needed: {why}:" in audit(project, "pass")


def test_tools(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program is gone from every folder on PATH, and all others of these folders are there."""
    for folder in ("one", "two", "three"):
        for name in ("it-tool", f"of-{folder}") if folder != "three" else (f"of-{folder}",):
            path = project.path / folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text("#!/bin/sh\necho 1\n")
            path.chmod(0o755)
    folders = [str(project.path / folder) for folder in ("one", "two", "three")]
    monkeypatch.setenv("PATH", os.pathsep.join([*folders, "", "/nowhere", os.environ["PATH"]]))
    others = "assert all(map(shutil.which, ['of-one', 'of-two', 'of-three', 'sh']))\n"
    others += "    subprocess.run(['of-two'], check=True)\n"
    mark = "@pytest.mark.requires_tools('it-tool')\n"
    project.write(
        {
            "test_it.py": f"import shutil, subprocess, pytest\n{mark}def test_one():\n    {others}\n"
            f"{mark}def test_two():\n    {others}    subprocess.run(['it-tool'], check=True)\n"
        }
    )

    result = project.test("--env-audit", "-q")

    assert "tool it-tool   2       1         0      1        0" in result.outlines


def test_a_test_that_hangs(project: Project, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that hangs without it needs it; it is ended, and those behind it are run."""
    site.add("lib-a", "1.0", files={"lib_a.py": ""})
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    wait = "def test_waits():\n    try: import lib_a\n    except ImportError:\n        import time\n        time.sleep(60)\n"
    project.write({"test_it.py": f"{MARK}{wait}def test_after(): pass\n"})
    tests = ["test_it.py::test_waits", "test_it.py::test_after"]
    said: list[str] = []
    trials = Trials(("-p", "no:randomly"), project.path, os.environ, tell=said.append, patience=1.0)

    control = trials.run(tests, Without(), "with all that is here")
    found = trials.run(tests, Without(distributions=frozenset({"lib-a"})), "without lib-a")

    assert {test: trial.outcome for test, trial in control.items()} == dict.fromkeys(tests, "passed")
    assert found[tests[0]].outcome == "failed"
    assert found[tests[0]].late
    assert found[tests[0]].why.startswith("was ended after ")
    assert found[tests[1]].outcome == "passed"
    assert said == ["with all that is here: 2 tests", "without lib-a: 2 tests"]
    assert [*tmp_path.glob("envrepro-audit-*")] == []
