"""Environments that extend others: which layers one is made of, the farthest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from pytest_envrepro.layers import Fault, Laid
from pytest_envrepro.settingkeys import EXTENDS
from pytest_envrepro.values import did_you_mean, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_envrepro.layers import Layer


def stacked(layers: Iterable[Layer], named: Mapping[str, Layer], faults: list[Fault]) -> tuple[list[Layer], str | None]:
    """Give the layers with all that they extend, and the name of the environment that the closest of them name, if any.

    Args:
        layers: the farthest first; a name makes those before it count for nothing.
        named: the environments that the table declares, by name.
        faults: where is noted what is wrong with the names, and with layers that do not count.
    """
    stack: list[Layer] = []
    name = None
    for layer in layers:
        extends = layer.values.get(EXTENDS)
        if layer.name is not None:
            Laid(faults).add_all(stack)  # Nothing of them counts; what is wrong with them is told all the same.
            stack = _bases(layer, "", layer.name, named, faults)
            name = _declared(layer.name, named)
            if extends is not None:
                faults.append(Fault(layer, EXTENDS, "stands beside a name: an environment begins with one of the two"))
        elif extends is not None:
            stack += _bases(layer, EXTENDS, extends, named, faults)
            name = name and _declared(extends, named)  # Its settings lie over those of the name before.
        stack.append(layer)
    return stack, name


def _declared(name: Any, named: Mapping[str, Layer]) -> str | None:
    """Give a name as it was declared: names are compared as those of packages are."""
    if not isinstance(name, str):
        return None
    return next((each for each in named if canonicalize_name(each) == canonicalize_name(name)), None)


def _bases(layer: Layer, key: str, name: Any, named: Mapping[str, Layer], faults: list[Fault]) -> list[Layer]:
    """Give a named environment and those that it extends, the farthest first."""
    trail: list[str] = []
    while name is not None:
        known = _declared(name, named)
        if not isinstance(name, str):
            faults.append(Fault(layer, key, f"has to be the name of an environment, not {kind_of(name)}"))
        elif known is None:
            faults.append(Fault(layer, key, f"there is no environment '{name}'{did_you_mean(name, named)}"))
        elif known in trail:
            faults.append(_cycle(trail[trail.index(known) :], named))
        if known is None or known in trail:
            break
        trail.append(known)
        layer, key, name = named[known], EXTENDS, named[known].values.get(EXTENDS)
    return [named[each] for each in reversed(trail)]


def _cycle(names: list[str], named: Mapping[str, Layer]) -> Fault:
    """Tell a cycle, in the same words wherever it is entered: it begins with the one that is declared first."""
    first = names.index(min(names, key=list(named).index))
    shown = [*names[first:], *names[:first], names[first]]
    return Fault(named[names[first]], EXTENDS, f"is a cycle: {' -> '.join(shown)}")
