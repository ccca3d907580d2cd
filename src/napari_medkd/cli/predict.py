"""`medkd predict`: ask a trained teacher or student about images."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from napari_medkd.cli.options import Device, Precision
from napari_medkd.cli.terminal import as_a_courtesy, say
from napari_medkd.core.errors import SpecProblem

EXAMPLES = (
    "medkd predict RUN --image scan.nii.gz --out predictions",
    "medkd predict RUN --split test",
    "medkd predict RUN --split all",
    "medkd predict RUN --split test --data other-site",
    "medkd predict RUN/predictions/student-test",
    'medkd predict RUN --split test --network teacher --given "true mask"',
)


class Side(StrEnum):
    """The sides of a split, and all cases whether they are on one or not."""

    train = "train"
    validate = "validate"
    test = "test"
    all = "all"


class Given(StrEnum):
    """What supplies class means."""

    image = "image"
    true_mask = "true mask"
    student_mask = "student mask"


def predict(
    context: typer.Context,
    run: Annotated[
        Path,
        typer.Argument(
            metavar="RUN",
            help="A run folder, a run's name or its end, or `latest`. A prediction's folder: ask the same again.",
        ),
    ],
    image: Annotated[
        list[Path] | None,
        typer.Option(
            help="An image file, a folder of DICOM, OME-Zarr or numbered slices, or an address; repeatable. As many as "
            "channels, of one channel each: one image."
        ),
    ] = None,
    case: Annotated[list[str] | None, typer.Option(help="Id of a case of the dataset; repeatable.")] = None,
    split: Annotated[Side | None, typer.Option(help="The cases on one side of the dataset's split, or all.")] = None,
    data: Annotated[Path | None, typer.Option(help="Another dataset for --case and --split than the run's.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write to; by default one in RUN/predictions.")] = None,
    network: Annotated[
        str, typer.Option(help="Whose answer: student or teacher; among several datasets student-NAME.")
    ] = "student",
    given: Annotated[
        Given, typer.Option(help="What supplies class means to a teacher that needs them; a student sees the image.")
    ] = Given.image,
    device: Annotated[Device, typer.Option(help="Where to compute.")] = Device.auto,
    precision: Annotated[
        Precision, typer.Option(help="auto computes as the run did, on a device of the same kind.")
    ] = Precision.auto,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; all cores by default.")] = None,
) -> None:
    """Predict images with a run's network: a folder with a mask for each case. The folder's path is printed."""
    from napari_medkd.cli.predicting import Asked, asked_in, predict_in, spec_for
    from napari_medkd.cli.run_names import run_named
    from napari_medkd.core.paths import from_home
    from napari_medkd.runs.folder import RunFolder

    folder = RunFolder(run_named(run))
    if folder.is_prediction():
        _refuse_options(context, folder.path)
        spec = asked_in(folder)
    else:
        images, data, out = tuple(map(from_home, image or ())), data and from_home(data), out and from_home(out)
        asked = Asked(images, tuple(case or ()), split.value if split else "", data)
        spec = spec_for(folder.path, asked, network, given.value, out)
        spec = spec.replace(hardware={"device": device.value, "precision": precision.value, "threads": threads})
    code = predict_in(spec)
    with as_a_courtesy(sys.stdout):
        say(str(spec.out))
    raise typer.Exit(code)


def _refuse_options(context: typer.Context, folder: Path) -> None:
    """Refuse what is asked besides, for the folder says everything itself."""
    sources = {name: context.get_parameter_source(name) for name in context.params if name != "run"}
    given = [f"--{name}" for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]
    if given:
        raise SpecProblem(
            str(folder),
            f"This prediction's folder says what is asked, so {', '.join(given)} would change nothing.",
            "Name the folder alone, or ask the run anew.",
        )
