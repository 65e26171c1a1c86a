"""Throwaway environments: changed as the test likes, gone with it, kept where it failed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from borrowing import headed, lines
from virtualenv.seed.wheels.embed import BUNDLE_FOLDER, BUNDLE_SUPPORT

if TYPE_CHECKING:
    from borrowing import Suite

BOTH = pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["plain", "n2"])
ENDING = """
def test_passes(throwaway_venv): pass

def test_fails(throwaway_venv):
    throwaway_venv.install("tool")
    assert False

def test_fails_within(environments):
    with environments.throwaway() as private:
        assert False
"""


def test_changed(suite: Suite) -> None:
    """install(), a pip of its own and changes by hand are the test's, and no other test sees them."""
    suite.write(
        """
import pytest

pytestmark = pytest.mark.environment(requirements=["alpha==1.0", "pip"])

def module(environment):
    return environment.prefix / environment.python.layout.purelib / "alpha.py"

def test_install(throwaway_venv):
    throwaway_venv.install("alpha==2.0", "tool")
    assert throwaway_venv.inventory()["alpha"].version == "2.0"
    assert throwaway_venv.run("tool", check=False).returncode == 1

def test_pip(throwaway_venv):
    throwaway_venv.run("pip", "uninstall", "-y", "alpha")
    assert "alpha" not in throwaway_venv.inventory()

def test_by_hand(throwaway_venv):
    module(throwaway_venv).write_text("version = 'mine'\\n")
    assert throwaway_venv.run_python("-c", "import alpha; print(alpha.version)").stdout == "mine\\n"

def test_untouched(environment, throwaway_venv):
    for each in (environment, throwaway_venv):
        assert module(each).read_text() == "version = '1.0'\\n"
        assert each.inventory()["alpha"].version == "1.0"
        each.assert_intact()
"""
    )
    pip = Path(str(BUNDLE_FOLDER)) / BUNDLE_SUPPORT[f"{sys.version_info.major}.{sys.version_info.minor}"]["pip"]
    (suite.bench.wheels / pip.name).write_bytes(pip.read_bytes())

    suite.run().assert_outcomes(passed=4)


AT_ONCE = """
import time

import pytest

pytestmark = pytest.mark.environment(requirements=["alpha==1.0"])

def test_alone(throwaway_venv): pass

@pytest.mark.parametrize("number", range(2))
def test_at_once(throwaway_venv, number, pytestconfig):
    (pytestconfig.rootpath / str(number)).touch()
    ends = time.monotonic() + 60
    while not (pytestconfig.rootpath / str(1 - number)).exists():
        assert time.monotonic() < ends
        time.sleep(0.01)
    assert list((throwaway_venv.prefix / throwaway_venv.python.layout.purelib).rglob("alpha*.pyc"))
"""


def test_ready_for_each_worker(fresh: Suite) -> None:
    """Workers that use copies side by side have one each that lies ready, with bytecode: none is made on the spot."""
    fresh.write(AT_ONCE)

    fresh.run("-k", "alone").assert_outcomes(passed=1, deselected=2)  # Leaves one.
    result = fresh.run("-n2", "-k", "at_once")

    result.assert_outcomes(passed=2)


SHORT = """
import pathlib

import pytest

pytestmark = pytest.mark.environment(requirements=["alpha==1.0", "tool"])
told = pathlib.Path(__file__).with_name("told.txt")

def names(prefix):
    return sorted(str(each.relative_to(prefix)) for each in prefix.rglob("*") if not each.match("*__pycache__*"))

@pytest.fixture
def module(throwaway_venv):
    return throwaway_venv.prefix / throwaway_venv.python.layout.purelib / "alpha.py"

@pytest.fixture(autouse=True)
def as_made(throwaway_venv, module, environment):
    own = throwaway_venv.run_python("-c", "import os; print(os.environ['HOME'], os.environ['TMPDIR'])").stdout
    with told.open("a") as file:
        print(throwaway_venv.prefix.stat().st_ino, throwaway_venv.prefix, module.stat().st_mode, own, file=file, end="")
    assert module.read_text() == "version = '1.0'\\n"
    assert not environment.diff(throwaway_venv, depth="files")
    assert names(throwaway_venv.prefix) == names(environment.prefix)
    for each in ("bin/activate", "bin/tool"):
        assert str(throwaway_venv.prefix) in (throwaway_venv.prefix / each).read_text()
    throwaway_venv.assert_intact()
    assert throwaway_venv.run("tool", check=False).returncode == 1

def test_nothing(): pass

def test_changed(module):
    module.write_text("version = 'mine'\\n")

def test_gone(module):
    module.unlink()

def test_added(module, throwaway_venv):
    module.with_name("own.py").touch()
    (throwaway_venv.prefix / "pyvenv.cfg").write_text("")
    (throwaway_venv.prefix / "own").symlink_to("lib")
    (throwaway_venv.prefix / "bin" / "activate").write_text("exit 1")

def test_modes(module, throwaway_venv):
    module.chmod(0o400)
    (throwaway_venv.prefix / "bin").chmod(0o500)
    module.parent.chmod(0o500)

def test_links(throwaway_venv):
    python = throwaway_venv.scripts / "python"
    python.unlink()
    python.symlink_to("/bin/false")

def test_installed(throwaway_venv):
    throwaway_venv.install("alpha==2.0", "beta")

def test_written_in_its_home(throwaway_venv):
    throwaway_venv.run_python("-c", "import os; [open(os.environ[each] + '/own', 'w') for each in ('HOME', 'TMPDIR')]")

def test_again(throwaway_venv):
    code = "import os; print([os.path.exists(os.environ[each] + '/own') for each in ('HOME', 'TMPDIR')])"
    assert throwaway_venv.run_python("-c", code).stdout == "[False, False]\\n"
"""


def test_one_copy_for_many_short_tests(fresh: Suite) -> None:
    """Each finds it as it was made, at a path of its own, whatever the one before has done; and no other is made."""
    fresh.write(SHORT)

    fresh.run("-p", "no:randomly").assert_outcomes(passed=9)
    fresh.run("-p", "no:randomly").assert_outcomes(passed=9)

    numbers, prefixes, modes, homes, temporaries = zip(*told(fresh), strict=True)
    assert len(set(numbers)) == len(set(modes)) == 1
    assert len(set(prefixes)) == len(set(homes)) == len(set(temporaries)) == 18
    assert not any(map(os.path.exists, prefixes))


def test_few_copies_for_workers(fresh: Suite) -> None:
    """Beside others too: one for each, and one more where somebody had taken the last."""
    fresh.write(SHORT)

    fresh.run("-n2").assert_outcomes(passed=9)

    numbers, prefixes, *_ = zip(*told(fresh), strict=True)
    assert len(set(numbers)) <= 3
    assert len(set(prefixes)) == 9


def told(suite: Suite) -> list[list[str]]:
    """Give what tests have written down, by line and word."""
    return [line.split() for line in (suite.path / "told.txt").read_text().splitlines()]


def test_as_many_as_a_test_had(fresh: Suite) -> None:
    """What a test has had at the same time is there for the next that has as many, in later sessions too."""
    fresh.write(
        """
import pathlib

import pytest

@pytest.mark.parametrize("number", range(3))
def test_three(environments, number):
    three = [environments.throwaway() for _ in range(3)]
    with pathlib.Path(__file__).with_name("told.txt").open("a") as file:
        print(*(each.prefix.stat().st_ino for each in three), file=file)
"""
    )

    fresh.run("-k", "0").assert_outcomes(passed=1, deselected=2)
    fresh.run().assert_outcomes(passed=3)

    assert len(told(fresh)) == 4
    assert len({number for line in told(fresh) for number in line}) <= 4  # One was made ready beside the first three.


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="is found by /proc")
@BOTH
def test_a_program_that_goes_on(fresh: Suite, workers: tuple[str, ...]) -> None:
    """What it writes into a file of one test's environment is in no other's: those files serve nobody else."""
    fresh.write(
        """
import pathlib
import subprocess
import time

import pytest

pytestmark = pytest.mark.environment(requirements=["alpha==1.0"])
here = pathlib.Path(__file__).parent
programs = []

def module(environment):
    return environment.prefix / environment.python.layout.purelib / "alpha.py"

def wait(name):
    ends = time.monotonic() + 30
    while not (here / name).exists():
        assert time.monotonic() < ends
        time.sleep(0.005)

def test_starts(throwaway_venv):
    argv = [throwaway_venv.scripts / "python", here / "writes.py", module(throwaway_venv), here]
    programs.append(subprocess.Popen(argv, cwd="/"))
    wait("opened")

@pytest.mark.parametrize("number", range(3))
def test_after(throwaway_venv, number):
    (here / "write").touch()
    for _ in range(2):
        (here / "wrote").unlink(missing_ok=True)
        wait("wrote")
        assert module(throwaway_venv).read_text() == "version = '1.0'\\n"
    throwaway_venv.assert_intact()

def test_ends():
    (here / "end").touch()
    assert programs[0].wait(30) == 0
""",
        writes="""
import pathlib, sys, time

here = pathlib.Path(sys.argv[2])
ends = time.monotonic() + 120
with open(sys.argv[1], "r+") as file:
    (here / "opened").touch()
    while not (here / "write").exists():
        time.sleep(0.001)
    while not (here / "end").exists() and time.monotonic() < ends:
        file.seek(0)
        file.write("version = '9.9'\\n")
        file.flush()
        (here / "wrote").touch()
        time.sleep(0.001)
""",
    )

    result = fresh.run("-p", "no:randomly", *workers, *["--dist=loadfile"] * bool(workers))

    result.assert_outcomes(passed=5)


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ((), ["test_fails", "test_fails_within"]),
        (("--env-keep=failed",), ["test_fails", "test_fails_within"]),
        (("--env-keep=none",), []),
        (("--env-keep=all",), ["test_fails", "test_fails_within", "test_passes"]),
        (("-n2",), ["test_fails", "test_fails_within"]),
        (("--env-keep=all", "-n2"), ["test_fails", "test_fails_within", "test_passes"]),
    ],
    ids=" ".join,
)
def test_kept(fresh: Suite, options: tuple[str, ...], kept: list[str]) -> None:
    """What stays is told in the summary, with a line that works when it is typed; what does not is gone."""
    fresh.write(ENDING)

    result = fresh.run(*options)

    result.assert_outcomes(passed=1, failed=2)
    told = [line for line in result.outlines if "kept; to enter it: " in line]
    assert [line.partition(": ")[0] for line in told] == [f"test_it.py::{name}" for name in kept]
    commands = [line.partition("to enter it: ")[2] for line in told]
    assert len(fresh.privates()) == len(kept)
    for command in commands:
        done = subprocess.run(
            ["bash", "-c", f"{command} && python -c 'import sys; print(sys.prefix)'"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert Path(done.stdout.strip()).parent.name in fresh.privates()
    enter = [line for line in lines(result, "enter") if not line.startswith("enter     source")]
    assert enter == ([] if kept else ["enter     is gone with the test: --env-keep=failed keeps it"] * 2)


def test_kept_by_variable(fresh: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    """PYTEST_ENVREPRO_KEEP says the same, and the command line wins."""
    fresh.write(ENDING)
    monkeypatch.setenv("PYTEST_ENVREPRO_KEEP", "all")

    fresh.run("--env-keep=none").stdout.no_fnmatch_line("*kept; to enter it*")
    assert len([line for line in fresh.run().outlines if "kept; to enter it" in line]) == 3


def test_wrong_values(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that is none ends the session with 4, by the option and by the variable."""
    suite.write(ENDING)

    by_option = suite.run("--env-keep=some", subprocess=True)
    monkeypatch.setenv("PYTEST_ENVREPRO_KEEP", "some")
    by_variable = suite.run(subprocess=True)

    assert by_option.ret == by_variable.ret == 4
    by_option.stderr.fnmatch_lines(["*--env-keep: invalid choice: 'some'*"])
    by_variable.stderr.fnmatch_lines(["ERROR: PYTEST_ENVREPRO_KEEP: has to be failed, all or none, not 'some'"])


@BOTH
def test_gone_after_interrupt(fresh: Suite, workers: tuple[str, ...]) -> None:
    """What a session has left open is gone when it ends."""
    fresh.write(
        """
import pytest

@pytest.fixture(scope="session")
def left(environments):
    return environments.throwaway()

def test_it(left, throwaway_venv):
    left.install("tool")
"""
    )

    fresh.run("-x", *workers).assert_outcomes(passed=1)

    assert fresh.privates() == []


def test_fixtures_of_one_name(suite: Suite) -> None:
    """What a fixture has ends with that fixture, and not with another that has its name."""
    suite.write(
        """
import pytest

def test_first(client):
    assert client.prefix.exists()

class TestOwn:
    @pytest.fixture(scope="class")
    def client(self, environments):
        return environments.throwaway()

    def test_own(self, client):
        client.prefix.joinpath("own").touch()

class TestOther:
    @pytest.fixture(scope="class")
    def client(self, client, environments):
        return client, environments.throwaway()

    def test_both(self, client):
        assert all(each.prefix.exists() and not each.prefix.joinpath("own").exists() for each in client)

def test_last(client):
    assert client.prefix.exists()
""",
        conftest="""
import pytest

@pytest.fixture(scope="session")
def client(environments):
    return environments.throwaway()
""",
    )

    suite.run("--env-keep=none").assert_outcomes(passed=4)


def test_failure_at_the_end(fresh: Suite) -> None:
    """Where a fixture fails when it ends, what it had is told and stays, as of a test: its own, and of a wider scope."""
    fresh.write(
        """
import pytest

@pytest.fixture
def own(throwaway_venv):
    yield throwaway_venv
    assert False

@pytest.fixture(scope="module", params=[1, 2])
def several(environments, request):
    private = environments.throwaway()
    yield private
    assert private.prefix.is_dir()
    assert request.param == 1

def test_own(own): pass

def test_several(several):
    assert several.prefix.is_dir()
"""
    )

    result = fresh.run("-p", "no:randomly")

    result.assert_outcomes(passed=3, errors=2)
    assert len(lines(result, "enter     source ")) == 2
    kept = lines(result, "test_it.py::test_own: kept; ") + lines(result, "fixture 'several': kept; ")
    assert [line.split("/")[-4] for line in kept] == fresh.privates()


@pytest.mark.requires_integration("rerunfailures")
def test_rerun_that_passes(fresh: Suite) -> None:
    """Of a test that fails and passes when it is run again, what it had as it failed stays, and nothing else."""
    fresh.write(
        """
def test_it(throwaway_venv, pytestconfig):
    mark = pytestconfig.rootpath / "failed"
    if not mark.exists():
        mark.touch()
        throwaway_venv.prefix.joinpath("failed").touch()
        assert False
"""
    )

    result = fresh.run("--reruns=1", subprocess=True)

    result.assert_outcomes(passed=1)
    (kept,) = fresh.privates()
    assert (fresh.cache / "envs" / "at" / kept / "env" / "failed").is_file()
    assert len(lines(result, "test_it.py::test_it: kept; ")) == 1


@BOTH
def test_section(suite: Suite, workers: tuple[str, ...]) -> None:
    """A failure says where the environment is, what it is made of and by whom, and what ran in it last."""
    suite.write(
        """
import pytest

@pytest.mark.environment("client", environment={"API_TOKEN": "hunter2"}, extend_requirements=["tool"])
def test_it(throwaway_venv):
    code = "import os; print('https://me:hunter2@example.org/'); raise SystemExit('no: ' + os.environ['API_TOKEN'][:3])"
    throwaway_venv.run_python("-c", code, "https://me:hunter2@example.org/", check=False)
    assert False
""",
        """
[tool.envrepro.environments.client]
requirements = ["alpha>=1"]
""",
    )

    result = suite.run("--junitxml=junit.xml", *workers)

    (title,) = [
        line.strip("- ") for line in result.outlines if line.startswith("--") and "environment 'client'" in line
    ]
    told = headed(result, title)
    path = told[0].split()[1]
    assert told[1].split()[1] == suite.rows()[0]["key"]
    marker = "@pytest.mark.environment on test_it"
    table = "tool.envrepro.environments.client in pyproject.toml"
    assert told[3:7] == [
        f'settings  requirements = ["alpha>=1"]     # {table}',
        f'          extend-requirements = ["tool"]  # {marker}',
        f'          environment.API_TOKEN = "****"  # {marker}',
        "note      its settings do not pin all that is in it: versions were chosen when it was first made",
    ]
    assert told[7].startswith("last      python -c ")
    assert told[7].endswith("ended with 1 after " + told[7].rpartition("after ")[2])
    assert told[8:] == [
        "          standard output:",
        "            https://****@example.org/",
        "          standard error:",
        "            no: hun",
        f"enter     source {path}/bin/activate",
    ]
    assert "me:hunter2" not in "\n".join(told)
    junit = (suite.path / "junit.xml").read_text()
    assert f"enter     source {path}/bin/activate" in junit
    assert "extend-requirements" in junit


def test_a_link_beside_it(fresh: Suite) -> None:
    """What a test leaves beside its environment is no reason not to keep it, or to end the session."""
    fresh.write(
        """
def test_it(throwaway_venv):
    (throwaway_venv.prefix.parent / "kept").symlink_to("/no/where")
    assert False

def test_after(throwaway_venv): pass
"""
    )

    result = fresh.run()

    result.assert_outcomes(passed=1, failed=1)
    (kept,) = (fresh.cache / "envs" / "at").glob("*/kept")
    assert kept.is_file()
    assert not kept.is_symlink()
    assert len(lines(result, "test_it.py::test_it: kept; to enter it: source ")) == 1


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="is written for POSIX")
def test_cannot_be_put_away(fresh: Suite) -> None:
    """What cannot be put away is told at the end, and the tests that follow run."""
    fresh.write(
        """
import os

def test_it(throwaway_venv):
    throwaway_venv.prefix.parent.chmod(0o500)
    assert False

def test_after(throwaway_venv): pass
""",
        conftest="""
import os
import pytest

IS_ROOT = os.geteuid() == 0  # Who may write everywhere.

@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item):
    if item.name == "test_it" and IS_ROOT:
        os.seteuid(65534)

def pytest_runtest_logreport(report):
    if IS_ROOT:
        os.seteuid(0)
""",
    )

    result = fresh.run()

    result.assert_outcomes(passed=1, failed=1)
    (told,) = lines(result, "test_it.py::test_it: virtualenv ")
    assert " could not be put away: " in told
    assert "Permission denied" in told
    assert lines(result, "test_it.py::test_it: kept") == []
