"""What the markers of a test ask for: compared with this environment, and what comes of it."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from packaging.utils import canonicalize_name

from pytest_envrepro.advising import MOST, together
from pytest_envrepro.errors import SettingsError
from pytest_envrepro.integrations import Checked, Need
from pytest_envrepro.reports import IntegrationRows, Lacking, NeedRow
from pytest_envrepro.values import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pytest_envrepro.catalogue import Catalogue
    from pytest_envrepro.errors import InterpreterNotFound
    from pytest_envrepro.reports import Foreseen

_INTEGRATION = "requires_integration"
_TITLES = {
    _INTEGRATION: "integration ",
    "requires_packages": "packages",
    "requires_tools": "tools",
    "requires_group": "group ",
    "requires_extra": "extra ",
}
_UNNAMED = frozenset({"requires_packages", "requires_tools"})


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
        table: what there is in its place, in lines.
    """

    title: str
    checked: Checked
    reason: str = ""
    name: str | None = None
    is_integration: bool = False
    allowed: bool = False
    table: tuple[str, ...] = ()

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
        wrong = _faults(ask)
        for names in () if wrong else _divided(ask):
            try:
                piece = _piece(ask, names, catalogue, allowed)
            except SettingsError as error:
                wrong += str(error).split("\n")
            else:
                pieces.setdefault((piece.title, *(need.requirement for need in piece.checked.needs)), piece)
        faults += [f"{ask.marker}: {line}" for line in wrong]
    found = tuple(pieces[key] for key in sorted(pieces))
    if faults:
        return Answer(reason="\n".join(sorted(set(faults))), fails=True, pieces=found, fault=True)
    unmet = [piece for piece in found if piece.checked.unmet]
    fails = strict and not all(piece.allowed for piece in unmet)
    return Answer(reason="; ".join(piece.sentence for piece in unmet), fails=fails, pieces=found)


def without_python(error: InterpreterNotFound, *, strict: bool) -> Answer:
    """Say of a test that the Python of its environment is not on this machine."""
    there = ", ".join(error.found) or "none that works"
    need = Need(requirement="on this machine", found=None, met=False, why=there, fix=error.fix or None)
    piece = Piece("python", Checked("python", "missing", (need,)), name=error.message, table=error.table)
    return Answer(reason=error.line, fails=strict, pieces=(piece,))


def _divided(ask: Ask) -> Iterable[tuple[str, ...]]:
    """Give the names of a marker as they are judged: packages together, and so tools; all else by itself."""
    return [ask.arguments] if ask.marker in _UNNAMED else [(name,) for name in ask.arguments]


def _piece(ask: Ask, names: tuple[str, ...], catalogue: Catalogue, allowed: frozenset[str]) -> Piece:
    """Compare what a marker names, or one of its names.

    Raises:
        SettingsError: it does not exist, or is written wrongly.
    """
    title = _TITLES[ask.marker]
    if ask.marker == "requires_packages":
        return Piece(title, catalogue.check_requirements(*names))
    if ask.marker == "requires_tools":
        return Piece(title, catalogue.check_tools(*names))
    (name,) = names
    if ask.marker == _INTEGRATION:
        checked = allowing(catalogue.check(name), allowed)
        reason = dict(ask.options).get("reason") or ""
        piece = Piece(f"{title}'{checked.name}'", checked, reason, checked.name, is_integration=True)
    else:
        check = catalogue.check_group if ask.marker == "requires_group" else catalogue.check_extra
        piece = Piece(f"{title}'{name}'", allowing(check(name), allowed), name=f"{title}{name}")
    return piece._replace(allowed=_may_be_missing(piece.checked, allowed))


def allowing(checked: Checked, allowed: frozenset[str]) -> Checked:
    """Say of an integration that is missing whether it may be; a group or an extra may be by its name."""
    return checked._replace(status="allowed") if checked.unmet and _may_be_missing(checked, allowed) else checked


def _may_be_missing(checked: Checked, allowed: frozenset[str]) -> bool:
    return canonicalize_name(checked.name) in map(canonicalize_name, allowed)


def _faults(ask: Ask) -> list[str]:
    """Say of the arguments of a marker all that is not as it has to be."""
    known = ["reason"] if ask.marker == _INTEGRATION else []
    found: list[str] = []
    for name, value in ask.options:
        if name not in known:
            found.append(f"unknown argument '{name}'{did_you_mean(name, known) if known else ''}")
        elif value is not None and not isinstance(value, str):
            found.append(f"the reason has to be a string, not {value!r}")
    if not ask.arguments:
        found.append("names nothing that is needed")
    wrong = [argument for argument in ask.arguments if not _is_line(argument)]
    if wrong:
        found.append(f"takes strings, one for each, not {' and '.join(map(repr, wrong))}")
    return found


def _is_line(argument: Any) -> bool:
    return isinstance(argument, str) and len(argument.strip().splitlines()) == 1


def _with_fixes(needs: Iterable[Need]) -> Iterator[str]:
    """Say what is missing, and behind it, once, what mends it."""
    for fix, each in groupby(needs, key=lambda need: need.fix):
        said = "; ".join(need.sentence for need in each)
        yield f"{said} ({fix})" if fix else said


def _lines(piece: Piece) -> Iterator[Lacking]:
    """Give the lines that a piece has in the summary: one where it has a name, else one for each need."""
    if piece.name is not None:
        line = lacking(piece.checked, exported=piece.is_integration)
        kind = piece.checked.name if piece.table else ""
        yield line._replace(name=piece.name, allowed=piece.allowed, kind=kind, table=piece.table)
        return
    for need in piece.checked.unmet:
        yield Lacking(name=need.requirement, missing=need.why.removeprefix("is "), fix=need.fix or "")


def lacking(checked: Checked, *, exported: bool = False) -> Lacking:
    """Give the line that something has in the summary.

    Args:
        exported: whether `--env-export` knows it by its name.
    """
    unmet = checked.unmet
    missing = [need.sentence for need in unmet[:MOST]]
    if len(unmet) > MOST:
        missing.append(f"and {len(unmet) - MOST:,} more")
    fix = together(dict.fromkeys(need.fix for need in unmet if need.fix), export=checked.name if exported else None)
    left = [need.requirement for need in unmet if not need.fix]
    if fix and left:
        fix += f", which leaves: {', '.join(left[:MOST])}{', ...' if left[MOST:] else ''}"
    return Lacking(name=checked.name, missing="; ".join(missing), fix=fix)


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


def explained(
    answer: Answer, environments: Sequence[Foreseen] = (), *, strict: bool = False
) -> tuple[tuple[IntegrationRows, ...], str]:
    """Give what a test needs as reports show it, and what comes of it here.

    Args:
        environments: those that it would be given.
        strict: whether a missing Python fails the test.
    """
    pieces = tuple(
        IntegrationRows(name=piece.title, status=piece.checked.status, rows=rows(piece.checked))
        for piece in answer.pieces
    )
    if answer.fault:
        return pieces, f"fails: {answer.reason}"
    if not answer.reason:
        faults = [each for each in environments if each.fault]
        if any(not each.is_missing for each in faults) or (faults and strict):
            return pieces, "fails here"
        if faults:
            return pieces, "is skipped here"
        if any(each.is_inside for each in environments):
            return pieces, "runs in its environment"
        return pieces, "runs here" if pieces or environments else "names nothing that it needs, and runs"
    return pieces, "fails here, as this session is strict" if answer.fails else "is skipped here"
