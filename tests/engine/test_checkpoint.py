"""Weights on disk."""

import json
import threading

import pytest
import torch

from napari_medkd.core.errors import InputProblem, RunProblem
from napari_medkd.core.preprocessing import Preprocessing
from napari_medkd.engine.checkpoint import Checkpoints, Progress, TaskCard, WeightsCard, load_network
from napari_medkd.engine.networks.heads import HeadsShape
from napari_medkd.engine.networks.shape import UNetShape
from napari_medkd.engine.networks.unet import UNet

pytestmark = pytest.mark.engine

SHAPE = UNetShape(dimensions=3, in_channels=1, answers=HeadsShape(num_classes=2), widths=(4, 8), skips=True)
CARD = WeightsCard(
    method="supervised",
    stage="student",
    sees="image",
    network=SHAPE,
    preprocessing=Preprocessing(dimensions=3, spacing=(1, 1, 1), patch=(8, 8, 8), channels=("image",)),
    task=TaskCard(name="organs", kind="segmentation", classes=("background", "organ")),
    epoch=1,
    sha256="",
)


def stepped(network: UNet) -> torch.optim.Optimizer:
    optimizer = torch.optim.AdamW(network.parameters())
    network(torch.rand(1, 1, 8, 8, 8)).logits.sum().backward()
    optimizer.step()
    return optimizer


def test_an_epoch_is_restored_with_its_optimizer(tmp_path):
    network = SHAPE.build()
    optimizer = stepped(network)
    Checkpoints(tmp_path).save_epoch("student", network, optimizer, Progress(3, 0.5))
    other = SHAPE.build()
    fresh = torch.optim.AdamW(other.parameters())

    progress = Checkpoints(tmp_path).restore_epoch("student", other, fresh)

    assert progress == Progress(3, 0.5)
    for name, tensor in network.state_dict().items():
        assert torch.equal(other.state_dict()[name], tensor)
    kept, restored = optimizer.state_dict()["state"], fresh.state_dict()["state"]
    for index in kept:
        for name in kept[index]:
            assert torch.equal(torch.as_tensor(restored[index][name]), torch.as_tensor(kept[index][name]))


def test_the_last_two_epochs_are_kept(tmp_path):
    network = SHAPE.build()
    optimizer = stepped(network)
    for epoch in (1, 2, 3, 10):
        Checkpoints(tmp_path).save_epoch("student", network, optimizer, Progress(epoch, None))

    kept = sorted(path.name for path in (tmp_path / "checkpoints").glob("*.safetensors"))

    assert kept == ["student.epoch-00003.safetensors", "student.epoch-00010.safetensors"]


def test_a_torn_epoch_falls_back_to_the_one_before(tmp_path):
    network = SHAPE.build()
    optimizer = stepped(network)
    Checkpoints(tmp_path).save_epoch("student", network, optimizer, Progress(1, None))
    torn = Checkpoints(tmp_path).save_epoch("student", network, optimizer, Progress(2, None))
    torn.write_bytes(torn.read_bytes()[:100])

    assert Checkpoints(tmp_path).last_epoch("student") == 1


@pytest.mark.parametrize("torn", [".safetensors", ".json"])
def test_finished_weights_that_a_crash_tore_count_as_not_finished(tmp_path, torn):
    network = SHAPE.build()
    Checkpoints(tmp_path).save_product("best", network, (CARD,))
    done = Checkpoints(tmp_path).save_product("done", network, (CARD,))
    assert Checkpoints(tmp_path).is_done("student")

    done.with_suffix(torn).write_bytes(b"")

    assert not Checkpoints(tmp_path).is_done("student")
    assert not Checkpoints(tmp_path).restore_product("student", SHAPE.build())


def test_a_network_is_rebuilt_from_its_card(tmp_path):
    network = SHAPE.build()
    Checkpoints(tmp_path).save_product("done", network, (CARD,))
    image = torch.rand(1, 1, 8, 8, 8)

    loaded, card, path = load_network(tmp_path, "student")

    assert card.replace(sha256="") == CARD
    assert path.name == "student.done.safetensors"
    with torch.no_grad():
        assert torch.equal(loaded(image).logits, network.eval()(image).logits)


def test_finished_weights_are_preferred_to_the_best(tmp_path):
    Checkpoints(tmp_path).save_product("best", SHAPE.build(), (CARD,))
    assert load_network(tmp_path, "student")[2].name == "student.best.safetensors"

    Checkpoints(tmp_path).save_product("done", SHAPE.build(), (CARD,))
    assert load_network(tmp_path, "student")[2].name == "student.done.safetensors"


@pytest.mark.parametrize("unfinished", ["the first card is missing", "the card is that of earlier weights"])
def test_finished_weights_that_were_being_written_when_the_run_was_killed_are_passed_over(tmp_path, unfinished):
    Checkpoints(tmp_path).save_product("best", SHAPE.build(), (CARD,))
    done = Checkpoints(tmp_path).save_product("done", SHAPE.build(), (CARD,))
    card = done.with_suffix(".json")
    if unfinished == "the first card is missing":
        card.unlink()
    else:
        earlier = card.read_bytes()
        Checkpoints(tmp_path).save_product("done", SHAPE.build(), (CARD,))
        card.write_bytes(earlier)

    assert load_network(tmp_path, "student")[2].name == "student.best.safetensors"


def test_weights_that_a_live_run_is_replacing_are_read_when_their_card_is_there(tmp_path):
    best = Checkpoints(tmp_path).save_product("best", SHAPE.build(), (CARD,))
    earlier = best.with_suffix(".json").read_bytes()
    Checkpoints(tmp_path).save_product("best", SHAPE.build(), (CARD.replace(epoch=2),))
    newer = best.with_suffix(".json").read_bytes()
    best.with_suffix(".json").write_bytes(earlier)
    soon = threading.Timer(0.05, best.with_suffix(".json").write_bytes, (newer,))

    soon.start()
    card = load_network(tmp_path, "student")[1]
    soon.join()

    assert card.epoch == 2


def test_damaged_weights_are_refused_by_their_checksum(tmp_path):
    path = Checkpoints(tmp_path).save_product("done", SHAPE.build(), (CARD,))
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)

    with pytest.raises(RunProblem, match="checksum"):
        load_network(tmp_path, "student")


def test_a_card_of_another_version_is_refused(tmp_path):
    path = Checkpoints(tmp_path).save_product("done", SHAPE.build(), (CARD,))
    card = json.loads(path.with_suffix(".json").read_text())
    path.with_suffix(".json").write_text(json.dumps({**card, "schema_version": 99}))

    with pytest.raises(RunProblem, match="card is not valid"):
        load_network(tmp_path, "student")


def test_a_run_without_weights_says_what_there_is(tmp_path):
    Checkpoints(tmp_path).save_product("done", SHAPE.build(), (CARD.replace(stage="teacher"),))

    with pytest.raises(RunProblem, match="found: teacher"):
        load_network(tmp_path, "student")


def test_a_run_that_has_only_an_epoch_to_go_on_from_has_no_weights_to_ask(tmp_path):
    network = SHAPE.build()
    Checkpoints(tmp_path).save_epoch("student", network, stepped(network), Progress(1, None))

    with pytest.raises(RunProblem, match=r"no trained weights of 'student' \(found: none\)"):
        load_network(tmp_path, "student")


def test_weights_that_serve_several_datasets_are_found_by_their_names_alone(tmp_path):
    cards = (CARD.replace(dataset="a"), CARD.replace(dataset="b"))
    Checkpoints(tmp_path).save_product("best", SHAPE.build(), cards)

    with pytest.raises(RunProblem, match=r"found: student-a, student-b\). Ask one of: student-a, student-b"):
        load_network(tmp_path, "student")


def test_weights_that_serve_several_datasets_count_as_finished_only_with_all_their_cards(tmp_path):
    cards = (CARD.replace(dataset="a"), CARD.replace(dataset="b"))
    in_the_way = tmp_path / "checkpoints" / "student-b.done.json"
    in_the_way.mkdir(parents=True)

    with pytest.raises(InputProblem, match="cannot be written"):
        Checkpoints(tmp_path).save_product("done", SHAPE.build(), cards)
    assert not Checkpoints(tmp_path).is_done("student")

    in_the_way.rmdir()
    Checkpoints(tmp_path).save_product("done", SHAPE.build(), cards)
    assert Checkpoints(tmp_path).is_done("student")
    assert load_network(tmp_path, "student-b")[1].dataset == "b"


def test_a_torn_card_is_told_and_not_a_crash(tmp_path):
    Checkpoints(tmp_path).save_product("done", SHAPE.build(), (CARD,)).with_suffix(".json").write_bytes(b"{")

    with pytest.raises(RunProblem, match="cannot be read"):
        load_network(tmp_path, "student")
