"""Training and predicting, with torch. Knows neither run folders nor the viewer."""

import os

# A thread that waits for the others should soon give its core away: with the default, a step takes ten times as long
# when another program computes beside it. Read when torch's OpenMP library is loaded, so it stands before any import.
os.environ.setdefault("GOMP_SPINCOUNT", "20000")
