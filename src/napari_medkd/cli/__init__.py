"""The command line: every action of the viewer, without it. Never imports Qt or napari, and torch only to compute."""
