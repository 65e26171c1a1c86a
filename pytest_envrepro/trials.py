"""Runs tests in environments that lack something, each in a process of its own, and tells what comes of them."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_envrepro.process import NotStartedError, TimedOutError, run
from pytest_envrepro.stripping import StrippingError, strip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pytest_envrepro.claims import Without

_LONGEST = 3600.0  # Seconds for tests that lack nothing.
_FACTOR = 10  # As many times as long as with all that they need: what is missing may be waited for.
_PLUGIN = "pytest_envrepro.audited"
_USAGE = 4  # pytest's exit code for a command line that it cannot follow.
_REFUSED = re.compile(r"^ERROR: usage: .*?^[^\n]*?: error: ([^\n]+)$", re.MULTILINE | re.DOTALL)


class Trial(NamedTuple):
    """What has come of a test.

    Attributes:
        outcome: `passed`, `failed`, `skipped`, `expected` (to fail), or `unknown`.
        why: the reason, in a line.
        late: whether it did not end by itself.
    """

    outcome: str
    why: str = ""
    late: bool = False


class Trials:
    """Runs tests of one session.

    Args:
        arguments: of the command line of this session.
        folder: where that was typed.
        environ: the environment variables.
        tell: is told what is run next.
        has_cache: whether pytest has its cache, which is then one of the environment's own.
        patience: the seconds that a process is given at least.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        folder: Path,
        environ: Mapping[str, str],
        *,
        tell: Callable[[str], None],
        has_cache: bool = True,
        patience: float = 60.0,
    ) -> None:
        self._arguments = tuple(arguments)
        self._folder = folder
        self._environ = environ
        self._tell = tell
        self._has_cache = has_cache
        self._patience = patience
        self._limit = _LONGEST

    def run(self, tests: Iterable[str], without: Without, title: str) -> dict[str, Trial]:
        """Run tests in an environment that lacks something.

        Those that lack nothing are to be run first: how long that takes is what others are measured by.

        Args:
            tests: node ids.
            title: what they lack, for people.
        """
        waiting = dict.fromkeys(tests)
        self._tell(f"{title}: {len(waiting)} {'test' if len(waiting) == 1 else 'tests'}")
        found: dict[str, Trial] = {}
        seconds = 0.0
        with tempfile.TemporaryDirectory(prefix="envrepro-audit-", ignore_cleanup_errors=True) as place:
            folder = Path(place).resolve()
            try:
                python, scripts, environ = strip(folder, without, self._environ)
            except (StrippingError, OSError) as error:
                return dict.fromkeys(waiting, Trial("unknown", str(error)))
            command = self._command(python, scripts, folder)
            while waiting:
                told, took, end = self._once(command, environ, folder, _job(waiting, without))
                seconds += took
                now = _judge(waiting, told, end)
                found |= now
                waiting = {test: None for test in waiting if test not in now}
        if not any(without):
            self._limit = self._patience + _FACTOR * seconds
        return found

    def _command(self, python: Path, scripts: Path, folder: Path) -> list[str]:
        """Give the command: pytest as it was started here, which decides whether the current folder is searched."""
        script = scripts / "pytest"
        by_module = os.path.basename(sys.argv[0]) == "__main__.py" or not script.is_file()
        start = ["-m", "pytest"] if by_module else [str(script)]
        cache = ["-o", f"cache_dir={folder / 'cache'}"] if self._has_cache else []
        return [str(python), *start, "-p", _PLUGIN, *cache, *self._arguments]

    def _once(
        self, command: list[str], environ: Mapping[str, str], folder: Path, job: dict[str, Any]
    ) -> tuple[list[dict[str, Any]], float, str | None]:
        """Run a job; give what was written of it, the seconds that it took, and how it ended if it was not by itself."""
        results = folder / "results.jsonl"
        results.unlink(missing_ok=True)
        place = folder / "job.json"
        place.write_text(json.dumps({**job, "results": str(results)}), encoding="utf-8")
        variables = {**environ, "_PYTEST_ENVREPRO_AUDIT": str(place)}
        late = None
        try:
            done = run(command, cwd=self._folder, environ=variables, timeout=self._limit)
        except NotStartedError as error:
            return [{"end": str(error), "code": 0}], 0.0, None
        except TimedOutError as error:
            done, late = error.completed, str(error)
        end = {"end": _last_words(done.stderr) or _last_words(done.stdout), "code": done.returncode}
        refused = _REFUSED.search(done.stderr)
        if refused is not None and done.returncode == _USAGE:
            end["refused"] = refused[1]
        return [*_read(results), end], done.seconds, late


def _job(tests: Iterable[str], without: Without) -> dict[str, Any]:
    return {"tests": [*tests], **{name: sorted(names) for name, names in without._asdict().items()}}


def _read(results: Path) -> list[dict[str, Any]]:
    """Read what was written; the last line may be cut off."""
    try:
        lines = results.read_text(encoding="utf-8").split("\n")[:-1]
    except OSError:
        return []
    return [json.loads(line) for line in lines]


def _judge(tests: Iterable[str], told: Sequence[dict[str, Any]], late: str | None) -> dict[str, Trial]:
    """Give what has come of tests by what is written of their session; those that it did not come to are left out."""
    there = [line for each in told for line in each.get("there", ())]
    if there:
        return dict.fromkeys(tests, Trial("unknown", "; ".join(there)))
    if "refused" in told[-1]:
        why = f"without it pytest does not know what is on its command line: {told[-1]['refused']}"
        return dict.fromkeys(tests, Trial("unknown", why))
    ended = {each["ended"]: Trial(each["outcome"], each["why"]) for each in told if "ended" in each}
    at_work = [each["started"] for each in told if "started" in each and each["started"] not in ended]
    end, code = told[-1]["end"], told[-1]["code"]
    ending = f"signal {-code}" if code < 0 else f"exit code {code}"
    found = {**ended, **dict.fromkeys(at_work, Trial("failed", late or f"ended Python ({ending})", late=bool(late)))}
    if ended and not at_work and all(test in ended for test in tests):
        return found
    collected = next((each["collected"] for each in told if "collected" in each), None)
    modules = {each["module"]: Trial(each["outcome"], each["why"]) for each in told if "module" in each}
    for test in tests:
        if collected is None:
            found.setdefault(test, Trial("failed", late or f"pytest does not start: {end}", late=bool(late)))
        elif test not in collected:
            of_module = next((trial for module, trial in modules.items() if _is_in(test, module)), None)
            found.setdefault(test, of_module or Trial("skipped", "it is not collected"))
        elif not at_work:
            found.setdefault(test, Trial("failed", f"pytest ended before it: {end}"))
    return found


def _is_in(test: str, node_id: str) -> bool:
    return not node_id or test.startswith((f"{node_id}::", f"{node_id}/"))


def _last_words(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " ".join(lines[-1].split()) if lines else ""
