"""The command line: datasets, runs and figures without the viewer. Imports no Qt or napari, torch only to compute."""
