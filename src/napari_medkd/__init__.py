"""Knowledge distillation for medical images. Holds the version and nothing else, so importing costs nothing."""

__version__ = "0.1.0.dev0"
