# Evaluates markers by the packaging library. In: lines of JSON, {"marker": …, "environment": {…}}. Out: true, false, or ? where it is none or means nothing.
import json
import sys
from packaging.markers import InvalidMarker, Marker, UndefinedComparison

for line in sys.stdin:
    asked = json.loads(line)
    try:
        print("true" if Marker(asked["marker"]).evaluate(asked["environment"]) else "false")
    except (InvalidMarker, UndefinedComparison, ValueError):
        print("?")
