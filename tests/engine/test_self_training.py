import pytest
import torch

from napari_medkd.engine.data.batch import Batch
from napari_medkd.engine.networks.heads import HeadsShape
from napari_medkd.engine.networks.unet import UNet
from napari_medkd.engine.self_training import SelfTraining, Trust
from napari_medkd.methods.supervised import SupervisedSettings

pytestmark = pytest.mark.engine


def taught(chance: float, *, confidence: float = 0.9, registration: float = 1.0, doubt: float = 1.0) -> torch.Tensor:
    """What a student learns that sees class 1 everywhere with a chance, where it is expected on the left alone."""
    student = UNet(dimensions=2, in_channels=1, answers=HeadsShape(num_classes=2), widths=(4, 8))
    own = SelfTraining(student, Trust(confidence, 0.0, registration, doubt), SupervisedSettings())
    with torch.no_grad():
        own.average.network.heads.segmentation.weight.zero_()
        own.average.network.heads.segmentation.bias.copy_(torch.tensor([1 - chance, chance]).log())
    expected = torch.zeros(1, 8, 16, dtype=torch.long)
    expected[..., :8] = 1
    image = torch.zeros(1, 1, 8, 16)
    return own.label(Batch(image, expected, image, image, expected))[0, 0]


def test_an_answer_counts_where_registration_agrees():
    assert taught(0.95)[:8].tolist() == [1] * 8


def test_an_answer_far_from_where_it_is_expected_does_not_count():
    # One step away e weighs against 19 to 1: 0.87, not sure enough. From four steps on e^4 outweighs it.
    assert taught(0.95)[8:].tolist() == [-1] * 8
    assert taught(0.8, confidence=0.5)[8:].tolist() == [1, 0, 0, 0, 0, 0, 0, 0]


def test_without_registrations_say_the_student_judges_alone():
    assert taught(0.95, registration=0.0).tolist() == [1] * 16


def test_registration_does_not_silence_a_student_that_is_all_but_certain():
    assert taught(0.9999)[-1] == 1


def test_an_answer_in_doubt_gives_way_to_registrations_label():
    # Class 1 is drawn everywhere, with 0.6: the overlap expected is 2 * 0.6 / (0.6 + 1) = 0.75, the uncertainty 0.25.
    assert taught(0.6, registration=0.0, doubt=0.26).tolist() == [-1] * 16
    assert taught(0.6, registration=0.0, doubt=0.24).tolist() == [1] * 8 + [0] * 8


def test_a_student_that_finds_nothing_is_in_doubt_however_sure_it_is():
    assert taught(1e-6).tolist() == [-1] * 8 + [0] * 8  # nor is it taught that nothing is where something is expected
    assert taught(1e-6, doubt=0.99).tolist() == [1] * 8 + [0] * 8


def test_only_the_images_that_are_in_doubt_are_labelled_by_registration():
    student = UNet(dimensions=2, in_channels=1, answers=HeadsShape(num_classes=2), widths=(4, 8))
    own = SelfTraining(student, Trust(0.5, 0.0, 0.0, 0.2), SupervisedSettings())

    # Each image says how sure the answer to it is: logit 9 is 0.9999 of class 1, logit 0.4 is 0.6.
    def says(_network, images, output):
        return output._replace(segmentation=torch.cat([torch.zeros_like(images[0]), images[0]], 1))

    own.average.network.register_forward_hook(says)
    images = torch.stack([torch.full((1, 8, 16), 9.0), torch.full((1, 8, 16), 0.4)])
    expected = torch.zeros(2, 8, 16, dtype=torch.long)

    learned = own.label(Batch(images, expected, images, images, expected))

    assert learned[0].unique().tolist() == [1]
    assert learned[1].unique().tolist() == [0]


def answered(*chances: float, expected: int) -> list[int]:
    """What is learned, at a doubt of 0.25, from an average of these chances everywhere; on the right 0 is expected."""
    student = UNet(dimensions=2, in_channels=1, answers=HeadsShape(num_classes=3), widths=(4, 8))
    own = SelfTraining(student, Trust(0.9, 0.0, 0.0, 0.25), SupervisedSettings())
    with torch.no_grad():
        own.average.network.heads.segmentation.weight.zero_()
        own.average.network.heads.segmentation.bias.copy_(torch.tensor(chances).log())
    image, label = torch.zeros(1, 1, 8, 16), torch.zeros(1, 8, 16, dtype=torch.long)
    label[..., :8] = expected
    return own.label(Batch(image, label, image, image, label)).unique().tolist()


def test_a_class_that_neither_draws_in_a_patch_casts_no_doubt_on_it():
    # The chances of class 2 sum up to more than is negligible in a whole image.
    assert answered(0.001, 0.9985, 0.0005, expected=1) == [1]


def test_a_class_that_registration_expects_in_a_patch_and_the_average_draws_nowhere_casts_doubt_on_it():
    assert answered(0.001, 0.99895, 0.00005, expected=2) == [0, 2]


@pytest.mark.parametrize("expected", [0, -1])
def test_a_patch_that_holds_nothing_is_not_in_doubt(expected):
    # Nothing is learned, for 0.7 is less than the confidence that is asked.
    assert answered(0.7, 0.15, 0.15, expected=expected) == [-1]


def test_an_organ_that_the_average_gave_up_is_not_taught_to_be_background():
    # Five classes, four of which are drawn with certainty: an overlap of 3 / 4 casts no doubt on the patch.
    student = UNet(dimensions=2, in_channels=1, answers=HeadsShape(num_classes=5), widths=(4, 8))
    own = SelfTraining(student, Trust(0.9, 0.0, 0.5, 0.3), SupervisedSettings())
    seen = torch.arange(8).expand(8, 8) // 2  # 0 to 3 from left to right
    own.average.network.register_forward_hook(
        lambda _network, _images, output: output._replace(
            segmentation=20 * torch.nn.functional.one_hot(seen, 5).movedim(-1, 0)[None].float()
        )
    )
    expected = seen.clone()[None]
    expected[0, :3, 0] = 4
    image = torch.zeros(1, 1, 8, 8)

    learned = own.label(Batch(image, expected, image, image, expected))[0]

    assert learned[:3, 0].tolist() == [-1, -1, -1]
    assert learned[3:, 0].tolist() == [0] * 5
    assert learned[:, 7].tolist() == [3] * 8
