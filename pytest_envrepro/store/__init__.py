"""The store: environments by key, for all sessions of a user."""

from pytest_envrepro.store.manifest import Change
from pytest_envrepro.store.store import Damaged, Entry, Store

__all__ = ["Change", "Damaged", "Entry", "Store"]
