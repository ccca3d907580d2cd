"""All that is wrong with a spec or dataset, gathered: `medkd check` prints it, `medkd train` begins with it."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_medkd.cli.references import problems_of_references
from napari_medkd.cli.spec_files import read_document, spec_of
from napari_medkd.cli.terminal import problems_of
from napari_medkd.core.annotation import ClassLabel
from napari_medkd.core.card import Needs
from napari_medkd.core.course import Course, courses_of, problem_of_no_reference
from napari_medkd.core.dataset import Dataset
from napari_medkd.core.errors import InputProblem, Problem, SpecProblem, did_you_mean
from napari_medkd.core.events import StagePlan
from napari_medkd.core.paths import problem_of_name
from napari_medkd.core.preprocessing import PreprocessingWishes
from napari_medkd.core.run_layout import is_run
from napari_medkd.core.spec import TrainSpec
from napari_medkd.core.task import Task
from napari_medkd.files.manifest import MANIFEST, open_dataset, problems_of_dataset
from napari_medkd.files.problems import doubts_about_cases

if TYPE_CHECKING:
    from napari_medkd.engine.method import Method


def problems_at(path: Path, *, read_images: bool) -> list[Problem]:
    """Return the problems of a spec file, a run folder, a dataset folder or a manifest."""
    problems: list[Problem] = []
    with _gathering(problems):
        if _is_dataset(path):
            problems += problems_of_dataset(open_dataset(path), read_images=read_images)
        else:
            problems += problems_of_spec(spec_of(read_document(path)), read_images=read_images)
    return problems


def remarks_at(path: Path) -> list[Problem]:
    """Return the doubts about images of such a thing, none of which keeps it from being used."""
    remarks: list[Problem] = []
    with suppress(InputProblem, OSError):  # what cannot be opened is a problem
        for dataset in (path,) if _is_dataset(path) else spec_of(read_document(path)).datasets:
            remarks += doubts_about_cases(open_dataset(dataset).cases)
    return remarks


def _is_dataset(path: Path) -> bool:
    """Return whether a path is a dataset rather than a spec: a folder that is no run, or a file that lists cases."""
    if not path.exists():
        raise InputProblem(str(path), "There is no such file or folder.", "Check the path.")
    if path.is_dir() and not is_run(path):
        return True
    return path.name == "dataset.json" or "cases" in read_document(path)


def refuse_problems(spec: TrainSpec, *, read_images: bool) -> None:
    """Raise one SpecProblem that holds everything wrong with the spec, if anything is."""
    problems = problems_of_spec(spec, read_images=read_images)
    if problems:
        raise SpecProblem.of(problems)


def problems_of_spec(spec: TrainSpec, *, read_images: bool) -> list[Problem]:
    """Return all that keeps a spec from being trained: its method, settings, device, datasets, task and cases."""
    problems, method = _problems_of_method(spec)
    kinds = method.tasks if method else frozenset()
    needs: Needs = "labels" if method is None else method.needs
    if len(spec.datasets) > 1 and needs != "labels of several datasets":
        hint = "List one; images of several sites can be one dataset with several domains."
        found = f"{len(spec.datasets)} datasets are listed; {spec.method.name} learns from one."
        problems.append(Problem("datasets", found, hint))
    problems += _problems_of_wishes(spec)
    paths = (*spec.datasets, *filter(None, (spec.start_from,)), *spec.starts_from.values())
    unnamed = [problem for path in paths if (problem := problem_of_name(path))]
    if unnamed:
        return problems + unnamed
    with _gathering(problems):
        datasets = [open_dataset(path) for path in spec.datasets]
        for dataset in datasets:
            problems += problems_of_dataset(dataset, read_images=read_images)
        problems += _problems_of_datasets_named(spec, datasets)
        problems += _problems_of_cases_named(spec, datasets)
        courses = courses_of(spec, datasets, kinds)
        for course in courses:
            problems += _problems_of_course(spec, course, needs)
        if spec.start_from is not None and method is not None:
            problems += _problems_of_start(spec, method, courses, read_images=read_images)
        if spec.starts_from and method is not None:
            problems += _problems_of_given_stages(spec, method, courses, read_images=read_images)
    return problems


@contextmanager
def _gathering(problems: list[Problem]) -> Iterator[None]:
    """Add to the problems why the block could not be finished, if a person can put it right."""
    try:
        yield
    except (InputProblem, ImportError, OSError) as error:
        found = problems_of(error)
        if not found:
            raise
        problems += found


def _problems_of_method(spec: TrainSpec) -> "tuple[list[Problem], Method[Any] | None]":
    """Return what is wrong with the method, its settings and the device, and the method, if there is one."""
    problems: list[Problem] = []
    method: Method[Any] | None = None
    with _gathering(problems):
        from napari_medkd.engine.hardware import choose_device
        from napari_medkd.engine.method import settings_of
        from napari_medkd.methods import method_named

        with _gathering(problems):
            choose_device(spec.hardware.device)
        method = method_named(spec.method.name)
        method.plan(settings_of(method, spec.method), spec.schedule, tuple(path.name for path in spec.datasets))
    return problems, method


def _problems_of_wishes(spec: TrainSpec) -> list[Problem]:
    problems = _problems_of_preprocessing("preprocessing", spec.preprocessing)
    for name, wishes in spec.preprocessing_of.items():
        problems += _problems_of_preprocessing(f"preprocessing_of.{name}", wishes)
    if min(spec.network.widths) < 1:
        hint = "Write the channels of each level, for example 16, 32, 64."
        problems.append(Problem("network.widths", f"{list(spec.network.widths)} holds a width below 1.", hint))
    return problems


def _problems_of_preprocessing(where: str, wishes: PreprocessingWishes) -> list[Problem]:
    problems = []
    if wishes.patch is not None and min(wishes.patch) < 1:
        hint = "Write voxels z, y, x; z is 1 for 2-D images."
        problems.append(Problem(f"{where}.patch", f"{list(wishes.patch)} holds a size below 1.", hint))
    if wishes.spacing is not None and not all(0 < side < math.inf for side in wishes.spacing):
        hint = "Write the voxel size z, y, x in mm."
        no_size = "not above 0" if min(wishes.spacing) <= 0 else "not finite"
        problems.append(Problem(f"{where}.spacing", f"{list(wishes.spacing)} holds a size that is {no_size}.", hint))
    return problems


def _problems_of_course(spec: TrainSpec, course: Course, needs: Needs) -> list[Problem]:
    """Return why the cases of a dataset do not teach what is to be learned of it."""
    dataset = course.dataset
    if not dataset.cases:
        return []  # that there is none is told of the dataset, once and not of every task
    if needs == "references" or spec.references:
        return _problems_of_references(spec, course, needs_images=needs == "references")
    return [problem for task in course.tasks for problem in _problems_of_training_cases(dataset, task)]


def _problems_of_references(spec: TrainSpec, course: Course, *, needs_images: bool) -> list[Problem]:
    dataset, tasks = course.dataset, course.tasks
    if spec.references and not dataset.own(spec.references):  # where there is one dataset it is told of each of them
        return [problem_of_no_reference(spec.references, dataset)] if len(spec.datasets) > 1 else []
    problems = []
    for task in tasks:
        beside = tuple(other for other in tasks if other != task)
        problems += problems_of_references(spec.references, dataset, task, needs_images=needs_images, beside=beside)
    return list(dict.fromkeys(problems))


def _problems_of_training_cases(dataset: Dataset, task: Task) -> list[Problem]:
    labelled = {case.id for case in dataset.labelled(task.name)}
    taught = labelled & set(dataset.split.train)
    if not taught:
        found = f"{len(dataset.split.train)} cases are on the training side and {len(labelled)} of all are labelled"
        hint = f"Label a case for {task.name!r} and list it under split.train in {MANIFEST}."
        return [Problem(f"dataset {dataset.name}", f"No training case has a label for {task.name!r}: {found}.", hint)]
    if task.kind != "classification":
        return []
    shown = [dataset.case(name).annotations[task.name] for name in taught]
    present = {name for label in shown if isinstance(label, ClassLabel) for name in label.present}
    missing = [name for name in task.classes if name not in present]
    if not missing:
        return []
    found = f"No training case of {task.name!r} shows {', '.join(missing)}."
    hint = "Put one on the training side of the split, or take the class off the task's list."
    return [Problem(f"dataset {dataset.name}", found, hint)]


def _problems_of_given_stages(
    spec: TrainSpec, method: "Method[Any]", courses: tuple[Course, ...], *, read_images: bool
) -> list[Problem]:
    """Return why earlier runs cannot take the place of stages."""
    from napari_medkd.engine.given_stages import given_expert

    experts = [stage.name for stage in _planned(spec, method, courses) if stage.name.split("-")[0] == "expert"]
    problems = [
        Problem(f"starts_from.{name}", f"The run has no expert {name!r}.", did_you_mean(name, experts))
        for name in spec.starts_from
        if name not in experts
    ]
    for course in courses:
        with _gathering(problems):
            given_expert(spec, course, read_images=read_images)
    return problems


def _problems_of_start(
    spec: TrainSpec, method: "Method[Any]", courses: tuple[Course, ...], *, read_images: bool
) -> list[Problem]:
    """Return why the run cannot begin where an earlier one ended; a dataset with a given expert begins with that."""
    from napari_medkd.engine.given_stages import given_stage
    from napari_medkd.engine.starting import problems_of_start, problems_of_student

    problems = []
    for course in courses:
        if given_stage(spec, course.dataset) is None:
            problems += problems_of_start(spec, course, read_images=read_images)
    problems += problems_of_student(spec, _planned(spec, method, courses))
    return list(dict.fromkeys(problems))


def _planned(spec: TrainSpec, method: "Method[Any]", courses: tuple[Course, ...]) -> tuple[StagePlan, ...]:
    from napari_medkd.engine.method import settings_of

    names = tuple(course.dataset.name for course in courses)
    return method.plan(settings_of(method, spec.method), spec.schedule, names)


def _problems_of_datasets_named(spec: TrainSpec, datasets: Sequence[Dataset]) -> list[Problem]:
    known = [dataset.name for dataset in datasets]
    return [
        Problem(f"preprocessing_of.{name}", f"No dataset {name!r} is listed.", did_you_mean(name, known))
        for name in spec.preprocessing_of
        if name not in known
    ]


def _problems_of_cases_named(spec: TrainSpec, datasets: Sequence[Dataset]) -> list[Problem]:
    known = [case.id for dataset in datasets for case in dataset.cases]
    named = [(f"references[{index}]", name) for index, name in enumerate(spec.references)]
    named += [("preview_case", spec.preview_case)] if spec.preview_case else []
    return [
        Problem(where, f"{_named(datasets)} no case {name!r}.", did_you_mean(name, known))
        for where, name in named
        if name not in known
    ]


def _named(datasets: Sequence[Dataset]) -> str:
    return f"Dataset {datasets[0].name!r} has" if len(datasets) == 1 else "The datasets have"
