"""What the table makes of findings: severities and waivers."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from making import pip_compiled

from pytest_envrepro.config import Config, Waiver
from pytest_envrepro.outcome import Finding, Outcome, Result, Waived
from pytest_envrepro.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from projects import Project, Site

pytestmark = pytest.mark.core

TODAY = dt.date(2027, 3, 1)
OWNERS = {"conflict": "conflicts", "missing-direct": "lock"}
CONFLICT = Finding(code="conflict", package="awscli", expected="docutils<0.16", message="m")


def policy_of(*waivers: Waiver, **config: Any) -> Policy:
    """Give a policy for today."""
    return Policy(Config(waivers=waivers, file="pyproject.toml", **config), TODAY, {"os_name": "posix"})


def waiver(**changes: Any) -> Waiver:
    """Give a waiver of the conflict."""
    return Waiver(**{"code": "conflict", "package": "awscli", "reason": "works", "place": "waivers[0]", **changes})


def stale(policy: Policy, *results: Result) -> Sequence[tuple[str, str, str]]:
    """Give the stale waivers as (check, severity, message)."""
    return [(owner, found.severity, found.message) for owner, found in policy.stale(results, OWNERS)]


def result(check: str = "conflicts", **outcome: Any) -> Result:
    """Give a check's result."""
    return Result(check=check, subject="a", outcome=Outcome(**outcome))


class TestWaivers:
    """A finding may be accepted, with a reason, for a time."""

    def test_accepted(self) -> None:
        """It stays in the report, and does not count; the last day counts."""
        policy = policy_of(waiver(until=TODAY))

        outcome = policy.apply(Outcome(findings=(CONFLICT,)))

        assert outcome.status == "clean"
        assert outcome.findings[0].waived == Waived(reason="works", until="2027-03-01")
        assert stale(policy, result()) == []

    @pytest.mark.parametrize(
        "changes",
        [
            {"code": "missing-direct"},
            {"package": "boto"},
            {"requires": "boto"},
            {"marker": "os_name == 'nt'"},
        ],
    )
    def test_another(self, changes: dict[str, Any]) -> None:
        """Code, package, what is required and the marker have to fit."""
        outcome = policy_of(waiver(**changes)).apply(Outcome(findings=(CONFLICT,)))

        assert outcome.status == "broken"

    @pytest.mark.parametrize("changes", [{"requires": "docutils"}, {"marker": "os_name == 'posix'"}])
    def test_precise(self, changes: dict[str, Any]) -> None:
        """And these do."""
        assert policy_of(waiver(**changes)).apply(Outcome(findings=(CONFLICT,))).status == "clean"

    def test_requires_where_nothing_is_expected(self) -> None:
        """A finding that tells no requirement does not fit a waiver that names one."""
        finding = Finding(code="conflict", package="awscli", message="m")

        assert policy_of(waiver(requires="x")).apply(Outcome(findings=(finding,))).status == "broken"

    def test_over(self) -> None:
        """Past its date the finding counts again, and the waiver is an error of the check that owns the code."""
        policy = policy_of(waiver(until=dt.date(2027, 2, 28)))

        assert policy.apply(Outcome(findings=(CONFLICT,))).status == "broken"
        message = "the waiver of conflict ended on 2027-02-28: renew or remove it (waivers[0])"
        assert stale(policy, result()) == [("conflicts", "error", message)]

    def test_over_but_renewed(self) -> None:
        """A second waiver that still holds is taken."""
        policy = policy_of(waiver(until=dt.date(2027, 2, 28)), waiver(reason="renewed"))

        (finding,) = policy.apply(Outcome(findings=(CONFLICT,))).findings
        assert finding.waived == Waived(reason="renewed")

    def test_not_needed(self) -> None:
        """One that matched nothing is a warning, where the check could be judged."""
        policy = policy_of(waiver())

        message = "the waiver of conflict matches nothing: remove it (waivers[0])"
        assert stale(policy, result()) == [("conflicts", "warn", message)]
        assert stale(policy, result(judged=False)) == []

    def test_for_another_platform(self) -> None:
        """One whose marker is false here is not stale."""
        assert stale(policy_of(waiver(marker="os_name == 'nt'", until=dt.date(2020, 1, 1))), result()) == []

    @pytest.mark.parametrize(("level", "expected"), [("ignore", []), ("error", ["error"])])
    def test_severity_of_stale(self, level: Any, expected: list[str]) -> None:
        """Its severity can be set as that of all codes."""
        policy = policy_of(waiver(), severity={"stale-waiver": level})

        assert [severity for _, severity, _ in stale(policy, result())] == expected


class TestSeverity:
    """The severity of a code can be set."""

    @pytest.mark.parametrize(
        ("level", "status", "count"), [("error", "broken", 1), ("warn", "clean", 1), ("ignore", "clean", 0)]
    )
    def test_levels(self, level: Any, status: str, count: int) -> None:
        """`warn` reports and `ignore` leaves out."""
        outcome = policy_of(severity={"conflict": level}).apply(Outcome(findings=(CONFLICT,)))

        assert (outcome.status, len(outcome.findings)) == (status, count)

    def test_raised(self) -> None:
        """A warning can be made an error."""
        finding = Finding(code="extraneous", severity="warn", message="m")

        assert policy_of(severity={"extraneous": "error"}).apply(Outcome(findings=(finding,))).status == "broken"


class TestSession:
    """The same in whole sessions."""

    TABLE = """
        [[tool.envrepro.waivers]]
        code = "{code}"
        package = "{package}"
        reason = "works for us"
        until = {until}
    """

    def judge(self, project: Project, site: Site, check: str, **waived: str) -> dict[str, Any]:
        """Judge a project with a lock whose input asks for more, and with one waiver."""
        site.add("flask", "3.0")
        project.write(
            {
                "pyproject.toml": self.TABLE.format(**{"until": "2999-01-01", **waived}),
                "requirements.in": "flask\nclick\n",
                "requirements.txt": pip_compiled("flask==3.0\n"),
            }
        )
        return project.judge(check, "pyproject.toml" if check == "conflicts" else "requirements.txt")

    def test_accepted(self, project: Project, site: Site) -> None:
        """The report says by whom it is accepted."""
        judged = self.judge(project, site, "lock", code="missing-direct", package="Click")

        assert judged["outcome"] == "clean"
        assert judged["findings"][0]["waived"] == {"reason": "works for us", "until": "2999-01-01"}

    def test_over(self, project: Project, site: Site) -> None:
        """A waiver past its date is an error of its own."""
        judged = self.judge(project, site, "lock", code="missing-direct", package="click", until="2020-01-01")

        assert judged["outcome"] == "broken"
        assert [(each["code"], each["severity"]) for each in judged["findings"]] == [
            ("stale-waiver", "error"),
            ("missing-direct", "error"),
        ]

    def test_stale(self, project: Project, site: Site) -> None:
        """One that nothing needs is a warning of the check that owns its code."""
        judged = self.judge(project, site, "installed", code="wrong-version", package="flask")

        assert judged["outcome"] == "clean"
        message = "the waiver of wrong-version matches nothing: remove it (tool.envrepro.waivers[0])"
        stale = [each for each in judged["findings"] if each["code"] == "stale-waiver"]
        assert [(each["severity"], each["file"], each["message"]) for each in stale] == [
            ("warn", "pyproject.toml", message)
        ]

    def test_of_waivers(self, project: Project, site: Site) -> None:
        """A waiver of stale waivers is refused, not followed for ever."""
        project.write({"requirements.txt": pip_compiled(""), "requirements.in": ""})
        project.write({"pyproject.toml": self.TABLE.format(code="stale-waiver", package="a", until="2999-01-01")})

        assert site.path.is_dir()
        assert project.run().ret == pytest.ExitCode.USAGE_ERROR
