"""What the markers of a test ask for: compared with this environment, and what comes of it."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_envrepro.errors import SettingsError
from pytest_envrepro.reports import IntegrationRows, Lacking, NeedRow
from pytest_envrepro.values import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_envrepro.catalogue import Catalogue
    from pytest_envrepro.integrations import Checked, Need

_INTEGRATION = "requires_integration"
_TITLES = {
    _INTEGRATION: "integration ",
    "requires_packages": "packages",
    "requires_tools": "tools",
    "requires_group": "group ",
    "requires_extra": "extra ",
}


_INSTALL = "pip install "


class Ask(NamedTuple):
    """One marker of a test, as it was written."""

    marker: str
    arguments: tuple[Any, ...]
    options: tuple[tuple[str, Any], ...] = ()


class Piece(NamedTuple):
    """What one marker names, compared with this environment.

    Attributes:
        title: for people: `integration 'postgres'`.
        reason: why the test needs it, as its marker says.
        name: for reports and for the summary; None where each of its needs stands there by itself.
        allowed: whether it may be missing.
    """

    title: str
    checked: Checked
    reason: str = ""
    name: str | None = None
    is_integration: bool = False
    allowed: bool = False

    @property
    def sentence(self) -> str:
        """All that is missing of it, and what mends that."""
        reason = f" ({self.reason})" if self.reason else ""
        return f"requires {self.title}{reason}: {'; '.join(_with_fixes(self.checked.unmet))}"


class Answer(NamedTuple):
    """What the markers of a test come to.

    Attributes:
        reason: why the test cannot run; nothing where it can.
        fails: whether that fails it, and does not skip it.
        pieces: what was compared.
        fault: whether the markers themselves cannot be followed, which is the reason then.
    """

    reason: str = ""
    fails: bool = False
    pieces: tuple[Piece, ...] = ()
    fault: bool = False

    def pack(self, *, stops: bool) -> dict[str, Any]:
        """Give what the process that reports has to know, as plain JSON types.

        Args:
            stops: whether it is this that keeps the test from running, and no other reason.
        """
        names: list[str] = []
        for piece in self.pieces:
            names += [piece.name] if piece.name is not None else [need.requirement for need in piece.checked.needs]
        unmet = [piece for piece in self.pieces if piece.checked.unmet]
        told = [piece for piece in unmet if stops and not (self.fails and piece.allowed)]
        return {
            "needs": sorted(set(names)),
            "integrations": [piece.checked.name for piece in self.pieces if piece.is_integration],
            "unmet": [pack(piece.checked) for piece in unmet if piece.is_integration],
            "lacking": [list(each) for piece in told for each in _lines(piece)],
            "outcome": ("failed" if self.fails else "skipped") if stops else None,
        }


def answer(asks: Iterable[Ask], catalogue: Catalogue, *, allowed: frozenset[str], strict: bool) -> Answer:
    """Judge the markers of a test: all of them hold together, and everything that is missing is told.

    Args:
        allowed: the integrations that may be missing.
        strict: whether what is missing fails the test.
    """
    pieces: dict[tuple[str, ...], Piece] = {}
    faults: list[str] = []
    for ask in asks:
        try:
            for piece in _pieces(ask, catalogue, allowed):
                pieces.setdefault((piece.title, *(need.requirement for need in piece.checked.needs)), piece)
        except SettingsError as error:
            faults.append(f"{ask.marker}: {error}")
    found = tuple(pieces[key] for key in sorted(pieces))
    if faults:
        return Answer(reason="\n".join(sorted(set(faults))), fails=True, pieces=found, fault=True)
    unmet = [piece for piece in found if piece.checked.unmet]
    fails = strict and not all(piece.allowed for piece in unmet)
    return Answer(reason="; ".join(piece.sentence for piece in unmet), fails=fails, pieces=found)


def _pieces(ask: Ask, catalogue: Catalogue, allowed: frozenset[str]) -> Iterator[Piece]:
    """Compare what one marker names.

    Raises:
        SettingsError: it names what does not exist, or is written wrongly.
    """
    reason = _reason(ask)
    names: tuple[str, ...] = ask.arguments
    title = _TITLES[ask.marker]
    if ask.marker == _INTEGRATION:
        for checked in (allowing(catalogue.check(name), allowed) for name in names):
            piece = Piece(f"{title}'{checked.name}'", checked, reason, checked.name, is_integration=True)
            yield piece._replace(allowed=checked.name in allowed)
    elif ask.marker == "requires_packages":
        yield Piece(title, catalogue.check_requirements(*names))
    elif ask.marker == "requires_tools":
        yield Piece(title, catalogue.check_tools(*names))
    else:
        check = catalogue.check_group if ask.marker == "requires_group" else catalogue.check_extra
        for name in names:
            yield Piece(f"{title}'{name}'", check(name), name=f"{title}{name}")


def allowing(checked: Checked, allowed: frozenset[str]) -> Checked:
    """Say of an integration that is missing whether it may be."""
    is_allowed = bool(checked.unmet) and checked.name in allowed
    return checked._replace(status="allowed") if is_allowed else checked


def _reason(ask: Ask) -> str:
    """Give the reason that a marker states.

    Raises:
        SettingsError: the marker's arguments are not what they have to be.
    """
    known = ["reason"] if ask.marker == _INTEGRATION else []
    reason = ""
    for name, value in ask.options:
        if name not in known:
            hint = did_you_mean(name, known) if known else ""
            raise SettingsError(f"unknown argument '{name}'{hint}")
        if value is not None and not isinstance(value, str):
            raise SettingsError(f"the reason has to be a string, not {value!r}")
        reason = value or ""
    if not ask.arguments:
        raise SettingsError("names nothing that is needed")
    wrong = [argument for argument in ask.arguments if not isinstance(argument, str) or not argument.strip()]
    if wrong:
        raise SettingsError(f"takes strings, one for each, not {wrong[0]!r}")
    return reason


def _with_fixes(needs: Iterable[Need]) -> Iterator[str]:
    """Say what is missing, and behind it, once, what mends it."""
    for fix, each in groupby(needs, key=lambda need: need.fix):
        said = "; ".join(need.sentence for need in each)
        yield f"{said} ({fix})" if fix else said


def _lines(piece: Piece) -> Iterator[Lacking]:
    """Give the lines that a piece has in the summary: one where it has a name, else one for each need."""
    if piece.name is not None:
        yield lacking(piece.checked)._replace(name=piece.name, allowed=piece.allowed)
        return
    for need in piece.checked.unmet:
        yield Lacking(name=need.requirement, missing=need.why.removeprefix("is "), fix=need.fix or "")


def lacking(checked: Checked) -> Lacking:
    """Give the line that something has in the summary."""
    fixes = dict.fromkeys(need.fix for need in checked.unmet if need.fix)
    missing = "; ".join(need.sentence for need in checked.unmet)
    return Lacking(name=checked.name, missing=missing, fix=_together(fixes))


def _together(fixes: Iterable[str]) -> str:
    """Make one command of several that install packages; what else would do follows."""
    packages: list[str] = []
    others: dict[str, None] = {}
    commands: list[str] = []
    for fix in fixes:
        command, *instead = fix.split(", or ")
        others.update(dict.fromkeys(instead))
        if command.startswith(_INSTALL) and not command.startswith(f"{_INSTALL}-"):
            packages.append(command.removeprefix(_INSTALL))
        else:
            commands.append(command)
    installing = [_INSTALL + " ".join(packages)] if packages else []
    return ", or ".join(filter(None, [" && ".join([*installing, *commands]), *others]))


def pack(checked: Checked) -> list[Any]:
    """Give the needs as plain JSON types, for another process."""
    needs = [[need.requirement, need.found, need.met] for need in checked.needs]
    return [checked.name, checked.status, needs]


def rows(checked: Checked) -> tuple[NeedRow, ...]:
    """Give the needs as reports show them."""
    return tuple(
        NeedRow(
            requirement=need.requirement,
            met=need.met,
            applies=need.applies,
            found=need.found,
            why=need.why,
            fix=need.fix,
        )
        for need in checked.needs
    )


def explained(answer: Answer) -> tuple[tuple[IntegrationRows, ...], str]:
    """Give what a test needs as reports show it, and what comes of it here."""
    pieces = tuple(
        IntegrationRows(name=piece.title, status=piece.checked.status, rows=rows(piece.checked))
        for piece in answer.pieces
    )
    if answer.fault:
        return pieces, f"fails: {answer.reason}"
    if not answer.reason:
        return pieces, "runs here" if pieces else "names nothing that it needs, and runs"
    return pieces, "fails here, as this session is strict" if answer.fails else "is skipped here"
