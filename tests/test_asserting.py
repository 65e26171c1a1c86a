"""`assert_matches`, `assert_no_conflicts`, `assert_intact`: the checks' words on another environment than the session's."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import making
import pytest
from envs.handling import TARGETS, Maker, every_target, put, site_of

from pytest_envrepro.envs.hosting import HostEnvironment
from pytest_envrepro.envs.locked import LockEnvironment
from pytest_envrepro.errors import LockError
from pytest_envrepro.lockpins import pins_of
from pytest_envrepro.session import Session
from pytest_envrepro.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TABLE = "[tool.envrepro]\n"


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    """Give what makes virtualenvs, beside an empty project."""
    return Maker(tmp_path)


def faults(function: Callable[..., object], *args: Any) -> list[str]:
    """Give the lines of a failed assertion."""
    with pytest.raises(AssertionError) as caught:
        function(*args)
    return str(caught.value).splitlines()


class TestMatches:
    """The environment is the lock."""

    def test_match(self, maker: Maker) -> None:
        """What is pinned is installed, and nothing else; pip, setuptools and wheel may be."""
        maker.write({"requirements.txt": "app==1.0\n"})
        environment = maker.virtualenv()
        put(environment, "app", "1.0")
        put(environment, "pip", "24.0")

        environment.assert_matches("requirements.txt")
        environment.assert_matches(maker.root / "requirements.txt")

    def test_differences(self, maker: Maker) -> None:
        """A line for each, as the check words it; a command for another environment is not told."""
        maker.write({"requirements.txt": "app==1.0\nlib==2.0\ngone==3.0\n"})
        environment = maker.virtualenv()
        put(environment, "app", "1.1")
        put(environment, "lib", "2.0", direct_url={"url": "file:///src/lib", "dir_info": {}})
        put(environment, "more", "4.0")

        assert faults(environment.assert_matches, "requirements.txt") == [
            "environment 'client' is not requirements.txt",
            "  extraneous     more==4.0  requirements.txt    not in requirements.txt",
            "  wrong-version  app==1.0   requirements.txt:1  1.1 is installed",
            "  wrong-source   lib==2.0   requirements.txt:2  installed from file:///src/lib",
            "  not-installed  gone==3.0  requirements.txt:3  not installed",
        ]

    @every_target
    def test_markers(self, maker: Maker, target: Path) -> None:
        """Markers are evaluated for the environment's Python, not for the one that runs this."""
        environment = maker.virtualenv(target=target)
        version = environment.python.interpreter.environment["python_version"]
        maker.write(
            {"requirements.txt": f"app==1.0 ; python_version == '{version}'\nno==1 ; python_version != '{version}'\n"}
        )

        assert faults(environment.assert_matches, "requirements.txt")[1:] == [
            "  not-installed  app==1.0  requirements.txt:1  not installed"
        ]
        put(environment, "app", "1.0")
        environment.assert_matches("requirements.txt")

    def test_table(self, maker: Maker) -> None:
        """The table's severities and waivers hold."""
        maker.write({"requirements.txt": "app==1.0\n"})
        environment = maker.virtualenv()
        put(environment, "app", "1.1")
        put(environment, "more", "4.0")
        waiver = '{ code = "wrong-version", package = "app", reason = "it is" }'

        for text, codes in (
            ("", ["extraneous", "wrong-version"]),
            ("severity = { extraneous = 'warn' }", ["wrong-version"]),
            (f"waivers = [{waiver}]", ["extraneous"]),
        ):
            maker.write({"pyproject.toml": f"{TABLE}{text}\n"})
            environment = type(environment)(**_again(environment, maker))
            lines = faults(environment.assert_matches, "requirements.txt")
            assert [line.split()[0] for line in lines[1:]] == codes
        maker.write({"pyproject.toml": f"{TABLE}severity = {{ extraneous = 'ignore' }}\nwaivers = [{waiver}]\n"})
        type(environment)(**_again(environment, maker)).assert_matches("requirements.txt")

    def test_lock_that_a_test_writes(self, maker: Maker) -> None:
        """It is read anew each time, below the root and outside of it."""
        environment = maker.virtualenv()
        put(environment, "app", "1.0")
        outside = maker.folder / "outside.txt"

        for path in (maker.root / "requirements.txt", outside):
            path.write_text("app==1.0\n")
            environment.assert_matches(path)
            path.write_text("app==2.0\n")
            assert faults(environment.assert_matches, path) == [
                f"environment 'client' is not {path}",
                f"  wrong-version  app==2.0  {path.name}:1  1.0 is installed",
            ]

    def test_no_lock(self, maker: Maker) -> None:
        """A file that is not there, one that is no lock, and one that cannot be read are errors, and no assertion's."""
        maker.write({"requirements.txt": "app==1.0\n", "loose.txt": "app>=1.0\n", "broken.txt": "app==1.0\n???\n"})
        environment = maker.virtualenv()
        put(environment, "app", "1.0")

        with pytest.raises(
            LockError, match=r"^requirement.txt: there is no such file \(did you mean 'requirements.txt'\?\)$"
        ):
            environment.assert_matches("requirement.txt")
        with pytest.raises(LockError, match=r"no.txt: there is no such file$"):
            environment.assert_matches(maker.folder / "no.txt")
        with pytest.raises(LockError, match=r"^loose.txt:1: does not name one version$"):
            environment.assert_matches("loose.txt")
        with pytest.raises(LockError, match=r"^broken.txt:2: "):
            environment.assert_matches("broken.txt")

    def test_lock_with_lock(self, maker: Maker) -> None:
        """A lock is compared with another one as an environment is."""
        maker.write({"requirements.txt": "app==1.0\n", "other.txt": "app==2.0\n"})
        lock = Session(maker.root, configured_by=None, environ={}).lock("requirements.txt")
        interpreter = maker.virtualenv().python.interpreter
        choose = partial(pins_of, lock, parts=None, root=maker.root)
        environment = LockEnvironment(lock=lock, interpreter=interpreter, judge=maker.judge, choose=choose)

        environment.assert_matches("requirements.txt")
        assert faults(environment.assert_matches, "other.txt") == [
            "the lock requirements.txt is not other.txt",
            "  wrong-version  app==2.0  other.txt:1  1.0 is installed",
        ]


def _again(environment: Any, maker: Maker) -> dict[str, Any]:
    """Give what makes the same handle, with the table as it is now."""
    names = ("name", "settings", "key", "prefix", "python", "scratch")
    return {**{name: getattr(environment, name) for name in names}, "judge": maker.judge}


class TestConflicts:
    """The packages agree."""

    def test_none(self, maker: Maker) -> None:
        """Nothing is wrong with it; of the other environments nothing counts."""
        environment = maker.virtualenv()
        put(environment, "app", "1.0", ("lib>=2",))
        put(environment, "lib", "2.0")

        environment.assert_no_conflicts()

    def test_conflicts(self, maker: Maker) -> None:
        """A line for each, as the check words it."""
        environment = maker.virtualenv(None)
        put(environment, "app", "1.0", ("lib>=2", "gone"))
        put(environment, "lib", "1.0", python=">=4")
        version = environment.python.interpreter.version

        assert faults(environment.assert_no_conflicts) == [
            "the virtualenv 01234567 has conflicts",
            "  conflict            lib>=2  app 1.0 asks for it, lib 1.0 is installed",
            "  missing-dependency  gone    app 1.0 asks for it, not installed",
            f"  wrong-python        lib     1.0 supports only Python >=4, this is {version}",
        ]

    @every_target
    def test_wheels_of_this_and_of_another_python(self, maker: Maker, target: Path) -> None:
        """Wheels are judged by the environment's own Python: one for the Python that runs this may be wrong there."""
        environment = maker.virtualenv(target=target)
        own = environment.python.tags[0]
        put(environment, "built", "1.0", tags=[own])
        platform = own.rpartition("-")[2]
        put(environment, "stable", "1.0", tags=[f"cp37.cp38-abi3-{platform}"])
        environment.assert_no_conflicts()

        others = [f"cp3{minor}-cp3{minor}-{platform}" for minor in (6, 99)]
        put(environment, "other", "1.0", tags=others)

        assert faults(environment.assert_no_conflicts)[1:] == [
            f"  wrong-platform  other  1.0 was built for {', '.join(others)}, not for this one"
        ]

    @pytest.mark.skipif(len(TARGETS) < 2, reason="there is one Python here")
    def test_wheel_of_the_python_that_runs_this(self, maker: Maker) -> None:
        """What this Python could use is told where the environment's could not."""
        here = f"cp3{sys.version_info.minor}"
        target = next(path for path in TARGETS if f"3.{sys.version_info.minor}." not in str(path))
        environment = maker.virtualenv(target=target)
        tag = f"{here}-{here}-{environment.python.tags[0].rpartition('-')[2]}"
        put(environment, "app", "1.0", tags=[tag])

        assert faults(environment.assert_no_conflicts)[1:] == [
            f"  wrong-platform  app  1.0 was built for {tag}, not for this one"
        ]

    def test_extras_of_its_lock(self, maker: Maker) -> None:
        """What the environment's own lock asks for with an extra is followed."""
        maker.write({"requirements.txt": "app[fast]==1.0\n"})
        environment = maker.virtualenv(settings=Settings(lock="requirements.txt"))
        put(environment, "app", "1.0", ("speed ; extra == 'fast'",), extras=("fast",))

        assert faults(environment.assert_no_conflicts)[1:] == [
            "  missing-dependency  speed  app 1.0 asks for it, not installed"
        ]


class TestIntact:
    """The files are what was installed."""

    def test_changes(self, maker: Maker) -> None:
        """Changed and missing files, programs among them."""
        environment = maker.virtualenv()
        put(environment, "app", "1.0")
        environment.assert_intact()

        module = site_of(environment) / "app.py"
        module.write_text(module.read_text().replace("this", "that"))
        (environment.scripts / "app").unlink()

        assert faults(environment.assert_intact) == [
            "environment 'client' was changed after it was installed",
            "  missing-file   app  ../../../bin/app is missing",
            "  modified-file  app  app.py has another content than its RECORD says",
        ]

    def test_not_known(self, maker: Maker) -> None:
        """What could not be looked at is no pass."""
        environment = maker.virtualenv()
        (put(environment, "app", "1.0") / "RECORD").write_text("no,record\n")

        assert faults(environment.assert_intact) == [
            (
                "whether environment 'client' was changed after it was installed is not known: "
                "app-1.0.dist-info: its RECORD is not valid in line 1: no,record"
            ),
        ]


class TestHost:
    """The environment that runs pytest."""

    def test_fix(self, maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
        """Here the command that mends it is told."""
        site = maker.folder / "site"
        making.install(site, "app-of-this-test", "1.0", ("gone-of-this-test",))
        monkeypatch.syspath_prepend(str(site))
        maker.write(
            {
                "requirements.txt": "app-of-this-test==2.0\n",
                "pyproject.toml": f"{TABLE}severity.extraneous = 'ignore'\n",
            }
        )
        host = HostEnvironment(root=maker.root, scratch=maker.folder / "scratch", judge=maker.judge)

        assert faults(host.assert_matches, "requirements.txt") == [
            "the environment that runs pytest is not requirements.txt",
            "  wrong-version  app-of-this-test==2.0  requirements.txt:1  1.0 is installed",
            "  fix: pip install -r requirements.txt",
        ]
        assert any("gone-of-this-test" in line for line in faults(host.assert_no_conflicts))
