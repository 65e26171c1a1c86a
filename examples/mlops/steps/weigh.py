"""A step: reads weights, one a line, and writes the model with what has made it."""

import json
import statistics
import sys
from importlib.metadata import version

weights = [float(line) for line in sys.stdin]
json.dump({"mean": statistics.fmean(weights), "cloudpickle": version("cloudpickle")}, sys.stdout)
