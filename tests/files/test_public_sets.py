import sys
from pathlib import Path

import pytest

from napari_medkd.core.errors import InputProblem
from napari_medkd.files.public_sets import missing_packages, public_set, public_sets
from tests.published import publish


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages that is looked into before all others."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "monai", raising=False)
    return tmp_path


@pytest.mark.engine
def test_the_decathlon_is_listed_as_monai_publishes_it():
    from monai.apps import DecathlonDataset

    found = {name: one for name, one in public_sets().items() if one.package == "monai"}

    assert {name: one.address for name, one in found.items()} == DecathlonDataset.resource
    assert {name: one.checksum for name, one in found.items()} == {
        name: f"md5:{digits}" for name, digits in DecathlonDataset.md5.items()
    }


def test_sets_of_every_size_are_listed_as_medmnist_publishes_them(packages: Path):
    publish(packages, medmnist={"url": "http://x/a", "MD5": "1", "url_64": "http://x/a64", "MD5_64": "2"})

    found = public_set("breastmnist_64")

    assert (found.address, found.checksum, found.licence) == ("http://x/a64", "md5:2", "CC BY 4.0")
    assert [name for name, one in public_sets().items() if one.package == "medmnist"] == [
        "breastmnist",
        "breastmnist_64",
    ]


def test_a_set_without_a_published_checksum_is_not_listed(packages: Path):
    publish(packages, medmnist={"url": "http://x/a", "url_64": "http://x/a64", "MD5_64": "2"})
    publish(packages, monai={"Task01_A": ("http://x/a", "1"), "Task02_B": ("http://x/b", None)})

    assert sorted(public_sets()) == ["Task01_A", "breastmnist_64"]


def test_nothing_of_the_packages_is_run(packages: Path):
    publish(packages, medmnist={"url": "http://x/a", "MD5": "1"})

    assert public_set("BreastMNIST").name == "breastmnist"
    assert "medmnist" not in sys.modules


@pytest.mark.parametrize("text", ["", "INFO = 3", "INFO = {", "INFO = {name: 1}"])
def test_a_package_that_publishes_otherwise_offers_nothing(packages: Path, text: str):
    publish(packages, medmnist={})
    (packages / "medmnist" / "info.py").write_text(text)

    assert "medmnist" in missing_packages()


def test_an_unknown_name_is_told_with_the_nearest_and_what_to_install(packages: Path):
    publish(packages, medmnist={})
    publish(packages, monai={"Task01_Liver": ("http://x/a", "1")})

    with pytest.raises(InputProblem, match=r"Did you mean 'Task01_Liver'\? More sets .* install --no-deps medmnist"):
        public_set("Task1_Liver")
