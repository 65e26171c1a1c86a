"""Pythons: the interpreters of this machine, found by what settings ask for."""

from pytest_envrepro.pythons.images import is_probed, is_wanted, probe_image
from pytest_envrepro.pythons.interpreters import Finder
from pytest_envrepro.pythons.probing import probe
from pytest_envrepro.pythons.proving import check_built

__all__ = ["Finder", "check_built", "is_probed", "is_wanted", "probe", "probe_image"]
