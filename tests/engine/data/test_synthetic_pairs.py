import numpy as np
import pytest
import torch

from napari_medkd.core.spec import Hardware, MethodChoice, NetworkChoice, TrainSpec
from napari_medkd.engine.bench import open_bench
from napari_medkd.engine.data import synthetic_pairs
from napari_medkd.engine.data.augmentation import NONE, STRONG
from napari_medkd.engine.data.recipes import RECIPES, Recipe
from napari_medkd.engine.data.registered import Registered
from napari_medkd.engine.data.synthetic_pairs import SyntheticPairs

pytestmark = pytest.mark.engine

PATCH = (24, 24, 24)


@pytest.fixture(scope="module")
def flows(tiny_dataset, tmp_path_factory):
    spec = TrainSpec(
        datasets=(tiny_dataset,),
        references=("case_0",),
        method=MethodChoice(name="one-shot"),
        network=NetworkChoice(widths=(4, 8)),
        hardware=Hardware(device="cpu", precision="fp32"),
    )
    bench = open_bench(spec, frozenset({"segmentation"}))
    torch.manual_seed(0)
    registered = Registered(
        bench.training_cases, bench.unlabelled_cases, bench.machine, tmp_path_factory.mktemp("cache")
    )
    return registered.flows_by(bench.registration_network())


def drawn(flows, generation="warped reference", augmentation=NONE, seed=0, size=2):
    pairs = SyntheticPairs(flows, generation, augmentation, PATCH)
    return pairs.draw(size, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("generation", RECIPES)
@pytest.mark.parametrize("augmentation", [NONE, STRONG], ids=["none", "strong"])
def test_a_batch_has_an_image_a_label_and_a_real_image_on_one_grid(flows, generation, augmentation):
    batch = drawn(flows, generation, augmentation)

    assert batch.image_BCZYX.shape == batch.shown_or_image().shape == (2, 1, *PATCH)
    assert batch.label_BZYX.shape == (2, *PATCH)
    assert batch.image_BCZYX.isfinite().all()
    assert set(batch.label_BZYX.unique().tolist()) <= {-1, 0, 1, 2}


@pytest.mark.parametrize("generation", RECIPES)
def test_the_same_seed_draws_the_same_batch(flows, generation):
    first, second = (drawn(flows, generation, STRONG, seed=3) for _ in range(2))

    assert torch.equal(first.image_BCZYX, second.image_BCZYX)
    assert torch.equal(first.label_BZYX, second.label_BZYX)


def test_where_a_sample_lies_and_how_its_images_look_are_drawn_apart(flows, monkeypatch):
    seeds = []

    def noting(name, draw):
        def noted(augmentation, generators, *others):
            seeds.extend(generator.initial_seed() for generator in generators)
            return draw(augmentation, generators, *others)

        monkeypatch.setattr(synthetic_pairs, name, noted)

    noting("sampling_grid", synthetic_pairs.sampling_grid)
    noting("drawn_appearance", synthetic_pairs.drawn_appearance)
    pairs = SyntheticPairs(flows, "warped reference", STRONG, PATCH, teaches_itself=True)
    pairs.draw(5, torch.Generator().manual_seed(0))

    # Equal seeds would give, for instance, every shift its bias field: fewer samples than there seem to be.
    assert len(seeds) == len(set(seeds)) == 3 * 5


def test_the_label_is_that_of_the_synthetic_image(flows):
    batch = drawn(flows, "composed transforms", size=6)

    # Intensities of the tiny dataset: background 20, ball 80, cube 140, before they are scaled.
    means = [batch.image_BCZYX[:, 0][batch.label_BZYX == one].mean().item() for one in (0, 1, 2)]
    assert means[0] < means[1] < means[2]


def test_the_real_image_is_the_cases_own(flows):
    case = flows.registered.unlabelled[1]
    images = [torch.from_numpy(one.image_CZYX) for one in flows.registered.unlabelled]

    batch = drawn(flows, size=8)

    for real in batch.shown_or_image():
        assert min((real - image).abs().max().item() for image in images) < 1e-4
    assert case.label_ZYX.max() == -1


def test_no_label_but_the_references_is_read(flows):
    assert all((case.label_ZYX == -1).all() for case in flows.registered.unlabelled)
    assert [atlas.case.id for atlas in flows.registered.atlases] == ["case_0"]


def test_without_flows_the_reference_comes_back_where_the_alignment_puts_it(flows):
    case, atlas = flows.registered.unlabelled[0], flows.registered.atlases[0]
    positions = atlas.grid_positions()

    there = flows.moved(positions, case, atlas, 1.0)

    # An untrained network finds next to nothing, and so does the way back.
    assert (there - positions).abs().max() < 0.05
    assert (flows.moved(there, case, atlas, -1.0) - positions).abs().max() < 0.01


def test_of_several_references_each_is_drawn_and_moved(tiny_dataset):
    spec = TrainSpec(
        datasets=(tiny_dataset,),
        references=("case_0", "case_1"),
        method=MethodChoice(name="one-shot"),
        network=NetworkChoice(widths=(4, 8)),
        hardware=Hardware(device="cpu", precision="fp32"),
    )
    bench = open_bench(spec, frozenset({"segmentation"}))
    registered = Registered(bench.training_cases, bench.unlabelled_cases, bench.machine, None)
    coarse = [atlas.coarse_image_BCZYX for atlas in registered.atlases]
    drawn_from, alignment = [], registered.alignment
    registered.alignment = lambda case, atlas: drawn_from.append(atlas.case.id) or alignment(case, atlas)

    moved = [batch.image_BCZYX for batch in registered.pairs(1, 8)(torch.Generator().manual_seed(0))]
    drawn_from.clear()
    drawn(registered.flows_by(bench.registration_network()), size=8)

    assert {[torch.equal(image, one) for one in coarse].index(True) for image in moved} == {0, 1}
    assert set(drawn_from) == {"case_0", "case_1"}


def test_a_patch_smaller_than_the_case_is_a_block_of_it(flows):
    pairs = SyntheticPairs(flows, "warped reference", NONE, (16, 16, 16))
    images = [torch.from_numpy(one.image_CZYX[0]) for one in flows.registered.unlabelled]
    blocks = [image.unfold(0, 16, 1).unfold(1, 16, 1).unfold(2, 16, 1) for image in images]

    batch = pairs.draw(8, torch.Generator().manual_seed(0))

    for real in batch.shown_or_image()[:, 0]:
        assert min((block - real).abs().amax((3, 4, 5)).min().item() for block in blocks) < 1e-4


def test_recipes_stay_within_their_bounds():
    random = np.random.default_rng(0)
    for draw in RECIPES.values():
        for _ in range(50):
            recipe = draw(2, 5, random)
            assert isinstance(recipe, Recipe)
            assert recipe.moves[0][0] == 2
            assert all(0 <= case < 5 for case, _ in recipe.moves)
            assert 0 <= recipe.style_share <= 1
