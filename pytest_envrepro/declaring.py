"""What the markers of a test, and calls, declare of its environment: layers of settings, the farthest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_envrepro.errors import SettingsError
from pytest_envrepro.matrices import Matrix
from pytest_envrepro.settingkeys import INSIDE
from pytest_envrepro.settings import Layer, Settings, merge
from pytest_envrepro.values import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


_SEVERAL = (
    "is several values, and nothing has made a test of each: that is done when functions are collected that name "
    "'environment', 'throwaway_venv' or 'throwaway_container', or say inside=True, and not in classes of unittest; "
    "mark one test for each value"
)


class Mark(NamedTuple):
    """One marker `environment`, as it was written.

    Attributes:
        where: what it marks: the name of a test, a class or a module.
    """

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    where: str


def is_inside(marks: Iterable[Mark]) -> bool:
    """Tell whether the test itself is to run in its environment, as the closest marker has it that says so or not.

    Args:
        marks: the closest to the test first. One with a name begins with other settings, and is inside all the same.
    """
    return next((mark.kwargs["inside"] is not False for mark in marks if "inside" in mark.kwargs), False)


def layers_of(marks: Iterable[Mark]) -> tuple[Layer, ...]:
    """Give what markers declare.

    Args:
        marks: the closest to the test first, as pytest gives them.

    Raises:
        SettingsError: one has arguments that it cannot have.
    """
    return tuple(reversed([_layer(mark) for mark in marks]))


def _layer(mark: Mark) -> Layer:
    origin = f"@pytest.mark.environment on {mark.where}"
    if len(mark.args) > 1:
        raise SettingsError(f"{origin}: takes one name, and settings by their names, not {len(mark.args)} names")
    name = mark.args[0] if mark.args else None
    _refuse_matrices(origin, {"the name": name, **{key: mark.kwargs[key] for key in mark.kwargs if key != INSIDE}})
    if name is not None and not isinstance(name, str):
        raise SettingsError(f"{origin}: the name of an environment has to be a string, not {kind_of(name)}")
    values = dict(mark.kwargs)
    inside = values.pop("inside", False)
    if not isinstance(inside, bool):
        raise SettingsError(f"{origin}: inside has to be True or False, not {kind_of(inside)}")
    return Layer(origin=origin, values=values, name=name)


def _refuse_matrices(origin: str, values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        if isinstance(value, Matrix):
            raise SettingsError(f"{origin}: {key}: {value!r} {_SEVERAL}")


def settings_of_call(
    call: str,
    declared: str | Settings | Mapping[str, Any] | None,
    values: Mapping[str, Any],
    named: Mapping[str, Layer],
) -> Settings:
    """Give the settings that a call names: an environment of the table, settings, or both.

    Args:
        call: what was called, for people: `environments.get(...)`.

    Raises:
        SettingsError: there is no such environment, or the settings are wrong.
    """
    if isinstance(declared, Settings):
        if values:
            raise SettingsError(f"{call}: takes Settings as they are, and no further ones beside them")
        return declared
    if isinstance(declared, Matrix):
        raise SettingsError(
            f"{call}: takes one environment, and {declared!r} is several: a matrix stands in a test's marker"
        )
    if declared is not None and not isinstance(declared, str):
        if not isinstance(declared, dict):
            raise SettingsError(f"{call}: takes a name, Settings or a mapping, not {kind_of(declared)}")
        return merge([Layer(origin=call, values={**declared, **values})], named)
    return merge([Layer(origin=call, values=dict(values), name=declared)], named)
