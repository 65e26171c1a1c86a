"""Under pytest-xdist the controller judges once, workers show it, and nothing that happens to them changes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from making import pip_compiled

if TYPE_CHECKING:
    from projects import Project, Site

pytestmark = pytest.mark.core


def test_crashed_worker(broken: Project) -> None:
    """A test that takes its worker down fails, and the verdict stays."""
    broken.write({"tests/test_it.py": "import os\ndef test_one(): os._exit(1)\n"})

    result = broken.run("-n2", subprocess=True)

    result.stdout.fnmatch_lines(["broken: 1 finding in 1 check. The session fails."])
    assert broken.report()["verdict"] == "broken"
    assert result.ret == 1


def test_stops_at_the_first(broken: Project) -> None:
    """With `-x` pytest-xdist interrupts the session: not 0, and the report is whole."""
    result = broken.run("-x", "-n2", subprocess=True)

    assert result.ret in (1, 2)
    assert len(broken.report()["checks"]) == 3


def test_exit_in_a_test(broken: Project) -> None:
    """A worker that is told to exit with 0 does not make a broken session green."""
    broken.write({"tests/test_it.py": "import pytest\ndef test_one(): pytest.exit('enough', returncode=0)\n"})

    assert broken.run("-n2", subprocess=True).ret not in (0, 5)


def test_usage_error_starts_no_worker(project: Project) -> None:
    """What cannot be followed is told once, before any worker starts."""
    result = project.run("-n2", subprocess=True)

    result.stderr.fnmatch_lines(["ERROR: --env-lock: no lock was found in *"])
    assert "[gw" not in result.stdout.str() + result.stderr.str()
    assert result.ret == 4


def test_conftest_on_workers(broken: Project) -> None:
    """A conftest that skips every item on the workers does not open the gate."""
    broken.write({"conftest.py": "import pytest\ndef pytest_runtest_setup(item): pytest.skip('no')\n"})

    result = broken.run("-n2", subprocess=True)

    result.assert_outcomes(skipped=5)
    assert result.ret == 1


def test_another_environment(clean: Project, site: Site) -> None:
    """A worker whose environment is another judges it by itself, and what it finds counts."""
    clean.write(
        {
            "requirements.in": "flask\nclick\n",
            "requirements.txt": pip_compiled("flask==3.0\nclick==8\n"),
            # As if the worker were started by another interpreter: what it sees on its path is not the same.
            "conftest.py": f"""
import sys

def pytest_configure(config):
    if hasattr(config, "workerinput"):
        sys.path.remove({str(site.path)!r})
""",
        }
    )
    site.add("click", "8")
    assert clean.run().ret == 0

    result = clean.run("-n2", subprocess=True)

    result.stdout.fnmatch_lines(["  not-installed  *flask*"])
    assert clean.report()["verdict"] == "broken"
    assert result.ret == 1


def test_blocked(broken: Project) -> None:
    """Without what listens to workers (`-p no:envrepro-listening`) they run, and the verdict stays."""
    result = broken.run("-n2", "-p", "no:envrepro-listening", subprocess=True)

    result.stdout.fnmatch_lines(["broken: 1 finding in 1 check. The session fails."])
    assert result.ret == 1
