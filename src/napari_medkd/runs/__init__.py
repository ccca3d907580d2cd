"""A run seen from outside: its folder, its events, its process. Knows neither torch nor Qt."""
