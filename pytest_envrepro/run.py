"""One session's checks: what was asked for, what was judged, what the items reported, and what it comes to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_envrepro.outcome import Result, fails, verdict, worst
from pytest_envrepro.reports import Mended, Summary, TestOutcome
from pytest_envrepro.selection import CheckId, names_checks, select, without_parameters

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_envrepro.reports import EnvironmentRow
    from pytest_envrepro.session import Session
    from pytest_envrepro.wanted import Wanted

_RANK = {"skipped": 0, "xfailed": 1, "passed": 2, "failed": 3}


class Request(NamedTuple):
    """What a session was asked for.

    Attributes:
        lock: whether to check at all (`--env-lock`).
        named: the files, folders and node ids (with `::`) of the command line, relative to the root.
        listing: whether tests are only listed, and nothing is judged.
        typed: whether `--env-lock` was typed.
        fix: whether broken locks are to be mended first.
        strict: whether unchecked outcomes fail the session.
        automatic: whether that was decided by looking for a CI.
    """

    lock: bool
    named: tuple[str, ...] = ()
    listing: bool = False
    typed: bool = True
    fix: bool = False
    strict: bool = False
    automatic: bool = False

    @property
    def names_tests(self) -> bool:
        """Whether single tests or checks were asked for, by node id."""
        return any("::" in name for name in self.named)


@dataclass(kw_only=True)
class Run:
    """The state of one session's checks.

    Attributes:
        plan: the checks that exist as items.
        selected: those of them that are judged, and count.
        results: by node id.
        failed: the node ids of the checks whose items have failed.
        mended: what was done about broken locks.
        differs: whether this is a worker of pytest-xdist in another environment, which has judged anew.
        wanted: what tests want, where that is looked at.
        environments: those that tests were given.
    """

    request: Request
    session: Session
    plan: tuple[CheckId, ...] = ()
    selected: tuple[CheckId, ...] = ()
    results: dict[str, Result] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    mended: tuple[Mended, ...] = ()
    differs: bool = False
    wanted: Wanted | None = None
    environments: tuple[EnvironmentRow, ...] = ()
    _tests: dict[str, str] = field(default_factory=dict)
    _skipped: set[str] = field(default_factory=set)
    _failures: set[str] = field(default_factory=set)
    _ran: set[str] = field(default_factory=set)

    @classmethod
    def start(cls, session: Session, request: Request) -> Run:
        """Discover and judge.

        Raises:
            SettingsError: the configuration cannot be followed, or there is no lock to check.
        """
        run = cls(request=request, session=session)
        if not request.lock:
            return run
        if not request.listing:
            session.require_lock()
        if session.discovery.locks:
            run.plan = session.plan
            run.selected = select(run.plan, request.named)
        if not request.listing:
            run.results = {result.node_id: result for result in session.judge(run.selected)}
        return run

    @property
    def adds_items(self) -> bool:
        """Whether the checks are to be added to what is collected: not where single tests were asked for."""
        return not self.request.names_tests

    @property
    def fails(self) -> bool:
        """Whether the verdict fails the session."""
        failing = [name for name, result in self.results.items() if self.is_failing(result)]
        return bool(self.failed.intersection(failing) if self.is_lenient else failing)

    @property
    def is_lenient(self) -> bool:
        """Whether a broken outcome only warns: an IDE runs a single test, and nobody typed `--env-lock`."""
        request = self.request
        is_ide = request.names_tests and not names_checks(self.plan, request.named)
        return is_ide and not request.strict and not request.typed

    def is_failing(self, result: Result) -> bool:
        """Tell whether a result fails the session, by itself."""
        return fails(result.outcome.status, strict=self.request.strict)

    def count_unreported(self) -> int:
        """Count the checks that fail the session and that no item has reported as failed."""
        if self.is_lenient:
            return 0
        return sum(self.is_failing(result) and name not in self.failed for name, result in self.results.items())

    def note_check(self, result: Result, *, failed: bool = False) -> None:
        """Note what an item reports; one that ran on another interpreter may have found worse than was found here."""
        known = self.results.get(result.node_id)
        if known is None or worst((known.outcome.status, result.outcome.status)) != known.outcome.status:
            self.results[result.node_id] = result
        if failed:
            self.failed.add(result.node_id)

    def note_test(self, node_id: str, outcome: str, *, ran: bool = False) -> None:
        """Note the outcome of a test or of one of its phases; words of other plugins, such as `rerun`, end nothing.

        Args:
            ran: whether its function was called.
        """
        if outcome not in _RANK:
            return
        base = without_parameters(node_id)
        known = self._tests.get(base)
        if known is None or _RANK[outcome] > _RANK[known]:
            self._tests[base] = outcome
        if ran:
            self._ran.add(base)
        if outcome == "skipped":
            self._skipped.add(base)
        if outcome == "failed":
            self._failures.add(node_id)

    def summary(self) -> Summary:
        """Give the session as reports see it."""
        results = tuple(self.results[str(id_)] for id_ in self.selected if str(id_) in self.results)
        return Summary(
            verdict=verdict(results),
            results=results,
            fails=self.fails,
            strict=self.request.strict,
            python=self.session.inventory.interpreter,
            fingerprint=self.session.inventory.fingerprint,
            why=tuple(self._why(results)),
            tests=tuple(self._told()),
            mended=self.mended,
            failures=len(self._failures),
            integrations=self.wanted.integrations() if self.wanted else (),
            environments=self.environments,
        )

    def _told(self) -> Iterator[TestOutcome]:
        """Give the tests that were skipped, and those that say what they need."""
        needs = self.wanted.tests if self.wanted else {}
        for name in sorted(self._skipped.union(needs).intersection(self._tests)):
            wants = tuple(sorted(needs.get(name, ())))
            yield TestOutcome(node_id=name, outcome=self._tests[name], needs=wants, ran=name in self._ran)

    def _why(self, results: tuple[Result, ...]) -> list[str]:
        """Say what decides whether the session fails, where that is not plain."""
        said = []
        environ = self.session.environ
        is_unchecked = any(result.outcome.status == "unchecked" for result in results)
        if is_unchecked and self.request.automatic and not self.request.strict and environ.get("TOX_ENV_NAME"):
            said.append("tox hides CI from its environments: add 'pass_env = CI' for CI to be strict about this")
        if is_unchecked and self.request.strict:
            said.append("this session is strict: what could not be checked fails it")
        if self.is_lenient and not self.fails and any(self.is_failing(result) for result in results):
            said.append("single tests were asked for, and --env-lock was not typed: this is a warning only")
        return said

    def payload(self) -> dict[str, Any]:
        """Give all that a worker of pytest-xdist needs, as plain JSON types."""
        return {
            "fingerprint": self.session.inventory.fingerprint,
            "plan": [[id_.subject, id_.check] for id_ in self.plan],
            "selected": [[id_.subject, id_.check] for id_ in self.selected],
            "results": {name: result.pack() for name, result in self.results.items()},
        }

    @classmethod
    def from_payload(cls, session: Session, request: Request, payload: Mapping[str, Any]) -> Run:
        """Take over what the controller has judged; a worker in another environment judges anew."""
        plan = tuple(CheckId(*pair) for pair in payload["plan"])
        selected = tuple(CheckId(*pair) for pair in payload["selected"])
        results = {name: Result.unpack(data) for name, data in payload["results"].items()}
        differs = bool(results) and session.inventory.fingerprint != payload["fingerprint"]
        if differs:
            own = {result.node_id: result for result in session.judge(selected)}
            results = {name: own.get(name, result) for name, result in results.items()}
        return cls(request=request, session=session, plan=plan, selected=selected, results=results, differs=differs)

    def worker_output(self) -> dict[str, Any]:
        """Give what a worker tells at its end, as plain JSON types.

        Besides what its items report: pytest-xdist passes on only one of the modules that are skipped at the same
        line of a helper, and which items a worker in another environment is given is chance.
        """
        return {
            "skipped": sorted(self._skipped),
            "results": [result.pack() for result in self.results.values()] if self.differs else [],
        }

    def note_worker(self, output: Mapping[str, Any]) -> None:
        """Note what a worker has told at its end."""
        for name in output["skipped"]:
            self.note_test(name, "skipped")
        for data in output["results"]:
            self.note_check(Result.unpack(data))
