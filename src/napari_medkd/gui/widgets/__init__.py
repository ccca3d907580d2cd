"""Layouts: signals out, setters in. What they show is decided in `presenters`."""
