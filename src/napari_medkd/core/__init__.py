"""The nouns: images, annotations, datasets, runs and events as plain data.

Standard library, numpy, scipy and pydantic only. No files are opened here, and neither torch nor Qt is known.
"""
