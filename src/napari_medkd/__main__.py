"""``python -m napari_medkd``: the same program as the ``medkd`` command."""

from napari_medkd.cli.main import main

if __name__ == "__main__":
    main()
