"""The test suite's own plugins."""

pytest_plugins = ["pytester"]
