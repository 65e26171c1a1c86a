"""`--env-audit`: marked tests are run without what they claim to need, and a marker lies whose test passes then."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from borrowing import is_gone, started_pid

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from projects import Project, Site

pytestmark = pytest.mark.core

TABLE = """
[project]
name = "it"
version = "1"
optional-dependencies = { fast = ["lib-a"] }

[dependency-groups]
fast-too = ["lib-a"]

[tool.envrepro.integrations]
whole = { requirements = ["lib-a"], tools = ["it-tool"], variables = ["IT_VARIABLE"] }
outer = { includes = ["whole"] }
variable = { variables = ["IT_VARIABLE"] }
"""
WAYS = pytest.mark.parametrize("way", [(), ("-n2", "--dist=loadgroup")], ids=" ".join)


@pytest.fixture
def suite(project: Project, site: Site, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Give a project beside two packages, a program and a variable."""
    site.add("lib-a", "1.0", files={"lib_a.py": "works = True\n"})
    site.add("lib-b", "1.0", files={"lib_b/__init__.py": "works = True\n"})
    programs = project.path / "programs"
    programs.mkdir()
    for name in ("it-tool", "other-tool"):
        (programs / name).write_text("#!/bin/sh\necho 1.0\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(programs), os.environ["PATH"]]))
    monkeypatch.setenv("IT_VARIABLE", "something")
    project.write({"pyproject.toml": TABLE})
    return project


def audit(project: Project, test: str, *args: str) -> pytest.RunResult:
    """Write a module of tests, and audit it."""
    project.write({"test_it.py": f"import os, shutil, pytest\n{test}"})
    return project.test("--env-audit", "-q", *args)


def audit_each(project: Project, tests: Iterable[str]) -> pytest.RunResult:
    """Write a module for each text, `test_0.py` and so on, and audit them together."""
    project.write({f"test_{at}.py": f"import os, shutil, pytest\n{test}" for at, test in enumerate(tests)})
    return project.test("--env-audit", "-q")


def told(result: pytest.RunResult) -> list[str]:
    """Give what is said below the table."""
    lines = result.outlines
    start = next(index for index, line in enumerate(lines) if "honest markers" in line)
    end = next(index for index, line in enumerate(lines) if index > start and not line)
    return [line for line in lines[start + 1 : end] if not line[-1].isdigit() and not line.startswith("needs ")]


KEYS = "allow-missing, environments, exclude, installed, integrations, integrity, locks, severity, strict, waivers"
USES = {
    "a package": ("requires_packages('lib-a>=1')", "package lib-a>=1", "import lib_a"),
    "a tool": ("requires_tools('it-tool')", "tool it-tool", "assert shutil.which('it-tool')"),
    "a version of a tool": ("requires_tools('it-tool>=1')", "tool it-tool>=1", "assert shutil.which('it-tool')"),
    "a variable": (
        "requires_integration('variable')",
        "integration 'variable'",
        "assert os.environ['IT_VARIABLE']",
    ),
    "a package of an integration": ("requires_integration('whole')", "integration 'whole'", "import lib_a"),
    "a tool of an integration": (
        "requires_integration('whole', reason='why not')",
        "integration 'whole'",
        "assert shutil.which('it-tool')",
    ),
    "an included integration": ("requires_integration('outer')", "integration 'outer'", "import lib_a"),
    "an extra": ("requires_extra('fast')", "extra 'fast'", "import lib_a"),
    "an extra as an integration": ("requires_integration('fast')", "integration 'fast'", "import lib_a"),
    "a group": ("requires_group('Fast_too')", "group 'Fast_too'", "import lib_a"),
}


def test_lies(suite: Project) -> None:
    """Of two tests with the same marker one uses what it names, and the other has a marker that lies."""
    tests = [
        f"@pytest.mark.{marker}\ndef test_uses():\n    {use}\n\n"
        f"@pytest.mark.{marker}\ndef test_does_not():\n    import lib_b\n"
        for marker, _, use in USES.values()
    ]

    result = audit_each(suite, tests)

    *lines, last = told(result)
    assert {*zip(lines[::2], lines[1::2], strict=True)} == {
        (f"test_{at}.py:6: {title} is not needed: its test passes without it:", f"  test_{at}.py::test_does_not")
        for at, (_, title, _) in enumerate(USES.values())
    }
    assert last == f"{len(USES)} markers lie"
    assert result.ret == 1


def test_honest(suite: Project) -> None:
    """Where the test uses what its marker names, there is nothing to tell."""
    result = audit_each(
        suite, [f"@pytest.mark.{marker}\ndef test_uses():\n    {use}\n" for marker, _, use in USES.values()]
    )

    assert told(result) == ["every marker is honest"]
    for _, title, _ in USES.values():
        assert any(line.startswith(title) for line in result.outlines)
    assert result.ret == 0


@WAYS
def test_output(suite: Project, way: tuple[str, ...]) -> None:
    """All that is printed: what is run, a table with counts, and the verdict; workers are not started."""
    tests = """
@pytest.mark.requires_packages("lib-a", "lib-b")
class TestAll:
    def test_one(self):
        import lib_a

    @pytest.mark.requires_tools("it-tool")
    def test_two(self):
        import lib_a, lib_b

    @pytest.mark.requires_packages("absent")
    def test_unmet(self):
        import lib_a
"""
    suite.write({"test_it.py": f"import pytest\n{tests}"})

    result = suite.test("--env-audit", *way)

    start = result.outlines.index("collected 3 items")
    assert result.outlines[start:-1] == [
        "collected 3 items",
        "audit: with all that is here: 2 tests",
        "audit: without package lib-a: 2 tests",
        "audit: without package lib-b: 2 tests",
        "audit: without tool it-tool: 1 test",
        "================================ honest markers ================================",
        "needs            tests   need it   skip   do not   not known",
        "package absent   1       0         0      0        1",
        "package lib-a    3       2         0      0        1",
        "package lib-b    3       1         0      1        1",
        "tool it-tool     1       0         0      1        0",
        "test_it.py:3: package lib-b is not needed: 1 of 3 tests passes without it:",
        "  test_it.py::TestAll::test_one",
        "test_it.py:8: tool it-tool is not needed: its test passes without it:",
        "  test_it.py::TestAll::test_two",
        "not known whether package absent and package lib-a and package lib-b are needed: absent is not installed:",
        "  test_it.py::TestAll::test_unmet",
        "2 markers lie; 3 needs could not be tried",
        "",
    ]
    assert result.outlines[-1].startswith("============================ no tests ran in ")
    assert result.ret == 1


def test_one_of_two(suite: Project) -> None:
    """A test that passes without each of two, and not without both, needs either: its marker asks for both."""
    use = "try:\n        import lib_a\n    except ImportError:\n        import lib_b"

    result = audit(suite, f"@pytest.mark.requires_packages('lib-a', 'lib-b')\ndef test_it():\n    {use}\n")

    either = "(either package lib-a or package lib-b is enough)"
    assert told(result) == [
        f"test_it.py:2: package lib-a is not needed: its test passes without it {either}:",
        "  test_it.py::test_it",
        f"test_it.py:2: package lib-b is not needed: its test passes without it {either}:",
        "  test_it.py::test_it",
        "2 markers lie",
    ]


MARK = "pytest.mark.requires_packages('lib-a')"
PLACES = {
    "module": (
        "pytestmark = [\n    pytest.mark.skipif('False'),\n    pytest.mark.requires_packages('lib-a'),\n]\ndef test_it(): pass",
        4,
        "test_it",
    ),
    "class": (
        "@pytest.mark.requires_packages('lib-a')\nclass TestIt:\n    def test_it(self): pass",
        2,
        "TestIt::test_it",
    ),
    "attribute of a class": (
        "class TestIt:\n    pytestmark = pytest.mark.requires_packages('lib-a')\n    def test_it(self): pass",
        3,
        "TestIt::test_it",
    ),
    "class in a class": (
        "class TestIt:\n    @pytest.mark.requires_packages('lib-a')\n    class TestIn:\n        def test_it(self): pass",
        3,
        "TestIt::TestIn::test_it",
    ),
    "parameter": (
        f"@pytest.mark.parametrize('n', [\n    pytest.param(1, marks={MARK}),\n    2])\ndef test_it(n): pass",
        3,
        "test_it[1]",
    ),
    "variable": ("needs = pytest.mark.requires_packages('lib-a')\n\n@needs\ndef test_it(): pass", 4, "test_it"),
    "several": (
        "@pytest.mark.requires_packages('pytest')\n@pytest.mark.requires_packages('lib-a')\ndef test_it(): pass",
        3,
        "test_it",
    ),
}


def test_places(suite: Project) -> None:
    """A marker is named by the line that it stands in, wherever that is."""
    *lines, _ = told(audit_each(suite, [text for text, _, _ in PLACES.values()]))

    assert {*zip(lines[::2], lines[1::2], strict=True)} >= {
        (f"test_{at}.py:{line}: package lib-a is not needed: its test passes without it:", f"  test_{at}.py::{test}")
        for at, (_, line, test) in enumerate(PLACES.values())
    }


def test_marked_by_a_conftest(suite: Project) -> None:
    """A marker that no module has is told without a line."""
    conftest = "def pytest_collection_modifyitems(items):\n    items[0].session.add_marker(pytest.mark.requires_packages('lib-a'))\n"
    suite.write({"conftest.py": f"import pytest\n{conftest}"})

    result = audit(suite, "def test_it(): pass")

    assert told(result)[0] == "test_it.py: package lib-a is not needed: its test passes without it:"


def test_parametrised(suite: Project) -> None:
    """Each parameter is a test of its own; they are counted for the marker that they share."""
    tests = "@pytest.mark.parametrize('name', ['lib_a', 'os', 'sys'])\ndef test_it(name): __import__(name)\n"

    result = audit(suite, f"@pytest.mark.requires_packages('lib-a')\n{tests}")

    assert told(result) == [
        "test_it.py:2: package lib-a is not needed: 2 of 3 tests pass without it:",
        "  test_it.py::test_it[os]",
        "  test_it.py::test_it[sys]",
        "1 marker lies",
    ]


def test_many(suite: Project) -> None:
    """Of many tests some are named."""
    tests = "@pytest.mark.parametrize('n', range(8))\ndef test_it(n): pass\n"

    result = audit(suite, f"@pytest.mark.requires_packages('lib-a')\n{tests}")

    assert told(result) == [
        "test_it.py:2: package lib-a is not needed: 8 tests pass without it:",
        *(f"  test_it.py::test_it[{n}]" for n in range(5)),
        "  and 3 more",
        "1 marker lies",
    ]


NEEDED = {
    "a fixture of a conftest": (
        {"conftest.py": "import pytest\n@pytest.fixture\ndef a():\n    import lib_a\n"},
        "(a): pass",
    ),
    "a conftest": ({"conftest.py": "import lib_a\n"}, "(): pass"),
    "the plugin of a conftest": ({"conftest.py": "pytest_plugins = ['lib_a']\n"}, "(): pass"),
}
IN_A_ROUNDABOUT_WAY = {
    "a module": "(): import helper",
    "another program": "():\n    import subprocess, sys\n    subprocess.run([sys.executable, '-c', 'import lib_a'], check=True)",
    "its end": "():\n    import sys\n    sys.modules.pop('lib_a', None)\n    try: import lib_a\n    except ImportError: os._exit(3)",
    "an exit": "():\n    try: import lib_a\n    except ImportError: pytest.exit('no')",
}


@pytest.mark.parametrize(("files", "test"), NEEDED.values(), ids=NEEDED)
def test_needed(suite: Project, files: dict[str, str], test: str) -> None:
    """A test needs also that without which there is no session."""
    suite.write(files)

    result = audit(suite, f"@pytest.mark.requires_packages('lib-a')\ndef test_it{test}\n")

    assert "package lib-a   1       1         0      0        0" in result.outlines
    assert result.ret == 0


def test_option_of_what_is_lacking(suite: Project) -> None:
    """Where the command line has an option of what is taken away, no test is run, and nothing is known."""
    option = "def pytest_addoption(parser): parser.addoption('--faster', action='store_true')"
    suite.write({"conftest.py": f"try:\n    import lib_a\nexcept ImportError:\n    pass\nelse:\n    {option}\n"})

    result = audit(suite, "@pytest.mark.requires_packages('lib-a')\ndef test_it(): pass\n", "--faster")

    why = "without it pytest does not know what is on its command line: unrecognized arguments: --faster"
    assert told(result)[0] == f"not known whether package lib-a is needed: {why}:"
    assert "package lib-a   1       0         0      0        1" in result.outlines


def test_needed_in_a_roundabout_way(suite: Project) -> None:
    """A test needs also what another module or program uses for it, and that without which it ends the session."""
    suite.write({"helper.py": "import lib_a\n"})
    mark = "@pytest.mark.requires_packages('lib-a')"

    result = audit_each(suite, [f"{mark}\ndef test_it{test}\n" for test in IN_A_ROUNDABOUT_WAY.values()])

    assert "package lib-a   4       4         0      0        0" in result.outlines, result.stdout.str()
    assert result.ret == 0


def test_module_that_cannot_be_imported(suite: Project) -> None:
    """A module that is not imported without it fails its own tests, and those alone."""
    mark = "import pytest\npytestmark = pytest.mark.requires_packages('lib-a')\n"
    suite.write(
        {"test_needs.py": f"{mark}import lib_a\ndef test_it(): pass\n", "test_not.py": f"{mark}def test_it(): pass\n"}
    )

    result = suite.test("--env-audit", "-q")

    assert "package lib-a   2       1         0      1        0" in result.outlines
    assert told(result)[:2] == [
        "test_not.py:2: package lib-a is not needed: its test passes without it:",
        "  test_not.py::test_it",
    ]


SKIPS = {
    "in the test": "def test_it(): pytest.importorskip('lib_a')\n",
    "skipif": '@pytest.mark.skipif(\'not __import__("importlib.util").util.find_spec("lib_a")\')\ndef test_it(): pass\n',
    "the module": "pytest.importorskip('lib_a')\ndef test_it(): pass\n",
    "no such test": "if __import__('importlib.util').util.find_spec('lib_a'):\n    def test_it(): pass\n",
}


def test_skips_by_itself(suite: Project) -> None:
    """A test that is skipped without it, by a word of its own, has a marker that does not lie."""
    mark = "pytestmark = pytest.mark.requires_packages('lib-a')\n"

    result = audit_each(suite, [f"{mark}{test}" for test in SKIPS.values()])

    assert "package lib-a   4       0         4      0        0" in result.outlines, result.stdout.str()
    assert told(result) == ["every marker is honest"]
    assert result.ret == 0


UNTOLD = {
    "unmet": ("requires_packages('absent')", "pass", "package absent", "absent is not installed"),
    "fails anyway": ("requires_packages('lib-a')", "assert 0", "package lib-a", "fails also with all that is here (assert 0)"),
    "skips anyway": (
        "requires_packages('lib-a')",
        "pytest.skip('on Mondays')",
        "package lib-a",
        "skips by itself also with all that is here (on Mondays)",
    ),
    "expected to fail": ("requires_packages('lib-a')", "pytest.xfail('a bug')", "package lib-a", "is expected to fail (a bug)"),
    "ends Python": (
        "requires_packages('lib-a')",
        "os._exit(3)",
        "package lib-a",
        "fails also with all that is here (ended Python (exit code 3))",
    ),
    "runs the tests": (
        "requires_packages('pluggy')",
        "pass",
        "package pluggy",
        "pluggy (which runs the tests) cannot be taken away",
    ),
    "not for here": (
        "requires_packages('lib-a; python_version < \"3\"')",
        "pass",
        'package lib-a; python_version < "3"',
        'lib-a is not for this environment (python_version < "3")',
    ),
    "no such integration": (
        "requires_integration('hole')",
        "pass",
        "integration 'hole'",
        "requires_integration: there is no integration 'hole' (did you mean 'whole'?)",
    ),
    "no string": (
        "requires_packages(1)",
        "pass",
        "requires_packages",
        "requires_packages: takes strings, one for each, not 1",
    ),
    "set by the suite": (
        "requires_integration('variable')",
        "pass",
        "integration 'variable'",
        "$IT_VARIABLE is set by the suite itself",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("marker", "test", "title", "why"), UNTOLD.values(), ids=UNTOLD)
def test_not_known(suite: Project, marker: str, test: str, title: str, why: str) -> None:
    """What cannot be tried is told with the reason; on a laptop it fails nothing, and a strict session is not green."""
    if "set by the suite" in why:
        suite.write({"conftest.py": "import os\nos.environ['IT_VARIABLE'] = 'x'\n"})

    result = audit(suite, f"@pytest.mark.{marker}\ndef test_it(): {test}\n")

    assert told(result) == [
        f"not known whether {title} is needed: {why}:",
        "  test_it.py::test_it",
        "1 need could not be tried, and there is no other",
    ]
    assert result.ret == 0

    strict = suite.test("--env-audit", "--env-strict")

    assert told(strict)[-1] == "1 need could not be tried, and there is no other, which fails a strict session"
    assert strict.ret == 1


def test_the_rest_cannot_be_taken_away(suite: Project) -> None:
    """An integration of which a part stays is proven to be needed, and never proven not to be."""
    table = '[tool.envrepro.integrations]\npart = { requirements = ["lib-a", "pluggy"] }\n'
    suite.write({"pyproject.toml": table})
    mark = "@pytest.mark.requires_integration('part')"

    result = audit(suite, f"{mark}\ndef test_one(): pass\n{mark}\ndef test_two(): import lib_a\n")

    assert "integration 'part'   2       1         0      0        1" in result.outlines
    why = "passes without the rest, and pluggy (which runs the tests) cannot be taken away"
    assert told(result)[0] == f"not known whether integration 'part' is needed: {why}:"
    assert result.ret == 0


@pytest.mark.parametrize("arguments", [(), ("-k", "plain")], ids=["none", "none chosen"])
def test_nothing_marked(suite: Project, arguments: tuple[str, ...]) -> None:
    """Where nothing is marked, the exit code is pytest's for no tests."""
    marked = "@pytest.mark.requires_packages('lib-a')\ndef test_marked(): pass\n" if arguments else ""

    result = audit(suite, f"def test_plain(): pass\n{marked}", *arguments)

    assert told(result) == ["no test has a marker that could lie"]
    assert result.ret == 5


CHOSEN = {
    "-k": ("-k", "one"),
    "-m": ("-m", "chosen"),
    "a node id": ("test_it.py::test_one",),
    "deselected": ("--deselect=test_it.py::test_two",),
    "with -x and --lf": ("-k", "one", "-x", "--lf", "--sw"),
    "without a cache": ("-k", "one", "-p", "no:cacheprovider"),
}


@pytest.mark.parametrize("arguments", CHOSEN.values(), ids=CHOSEN)
def test_chosen(suite: Project, arguments: tuple[str, ...]) -> None:
    """Audited is what is chosen, as for a run."""
    suite.write({"pytest.ini": "[pytest]\nmarkers = chosen\n"})
    mark = "@pytest.mark.requires_packages('lib-a')"

    result = audit(
        suite, f"@pytest.mark.chosen\n{mark}\ndef test_one(): pass\n{mark}\ndef test_two(): pass\n", *arguments
    )

    assert told(result)[1:] == ["  test_it.py::test_one", "1 marker lies"]


def test_options_of_the_suite(suite: Project) -> None:
    """Tests are run with the options of this session: those of a conftest, of `addopts`, and the folder."""
    conftest = "import pytest\ndef pytest_addoption(parser): parser.addoption('--url')\n@pytest.fixture\ndef url(request): return request.config.option.url\n"
    suite.write({"conftest.py": conftest, "pytest.ini": "[pytest]\naddopts = --url=there -n2 --junitxml=out.xml -x\n"})
    test = "@pytest.mark.requires_packages('lib-a')\ndef test_it(url):\n    assert url == 'there'\n    import lib_a\n"

    result = audit(suite, test, "--env-report=report.json")

    assert "package lib-a   1       1         0      0        0" in result.outlines
    assert result.ret == 0
    assert not (suite.path / "report.json").exists()


def test_collection_that_fails(suite: Project) -> None:
    """Where collection fails, that is told as ever, and nothing is audited."""
    suite.write({"test_wrong.py": "raise SystemError\n"})

    result = audit(suite, "@pytest.mark.requires_packages('lib-a')\ndef test_it(): pass\n")

    assert result.ret == 2
    assert not any("honest" in line for line in result.outlines)


def test_collect_only(suite: Project) -> None:
    """A list of tests stays one."""
    result = audit(suite, "@pytest.mark.requires_packages('lib-a')\ndef test_it(): pass\n", "--collect-only")

    assert result.outlines[0] == "test_it.py::test_it"
    assert result.ret == 0


def test_table_that_is_wrong(suite: Project) -> None:
    """What the user did wrong in the table is one error."""
    suite.write({"pyproject.toml": "[tool.envrepro]\nnonsense = 1\n"})

    result = audit(suite, "@pytest.mark.requires_packages('lib-a')\ndef test_it(): pass\n")

    assert result.errlines[:2] == [
        "ERROR: pyproject.toml cannot be followed:",
        f"  tool.envrepro.nonsense: unknown key (known: {KEYS})",
    ]
    assert result.ret == 4


def test_names_of_the_suites_own(suite: Project) -> None:
    """A marker that the suite has registered for itself is none of ours."""
    suite.write({"pytest.ini": "[pytest]\nmarkers = requires_packages\n"})

    result = audit(suite, "@pytest.mark.requires_packages('lib-a')\ndef test_it(): pass\n")

    assert told(result) == ["no test has a marker that could lie"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals are those of POSIX")
def test_interrupted(suite: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends what was started too, and leaves nothing behind."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    test = "@pytest.mark.requires_packages('lib-a')\ndef test_it():\n    open('pid', 'w').write(str(os.getpid()))\n    import time\n    time.sleep(60)\n"
    suite.write({"test_it.py": f"import os, pytest\n{test}"})
    command = [sys.executable, "-m", "pytest", "--env-audit", "-p", "no:randomly"]
    process = subprocess.Popen(command, cwd=suite.path, stdout=subprocess.PIPE, text=True)
    pid = started_pid(suite.path / "pid", process)

    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)

    assert process.returncode == 2
    assert "KeyboardInterrupt" in output
    assert is_gone(pid)
    assert [*tmp_path.glob("envrepro-audit-*")] == []
