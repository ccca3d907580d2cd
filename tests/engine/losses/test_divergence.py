import math

import pytest
import torch

from napari_medkd.engine.losses.divergence import dice_semimetric, divergence, divergence_of_each
from napari_medkd.engine.losses.overlap import dice_loss

pytestmark = pytest.mark.engine


def test_one_voxel_equals_the_value_computed_by_hand():
    teacher = torch.log(torch.tensor([0.9, 0.1])).reshape(1, 2, 1, 1) * 2
    student = torch.zeros(1, 2, 1, 1)

    found = divergence(student, teacher, temperature=2)

    assert found.item() == pytest.approx(4 * (0.9 * math.log(0.9 / 0.5) + 0.1 * math.log(0.1 / 0.5)), rel=1e-5)


@pytest.mark.parametrize("temperature", [0.5, 1, 4])
def test_equal_answers_cost_nothing_and_give_no_gradient(temperature):
    teacher = torch.randn(2, 3, 2, 3, 4)
    student = teacher.clone().requires_grad_()

    found = divergence(student, teacher, temperature)
    found.backward()

    assert found.item() == pytest.approx(0, abs=1e-6)
    torch.testing.assert_close(student.grad, torch.zeros_like(student), atol=1e-6, rtol=0)


def test_only_the_student_receives_a_gradient():
    student, teacher = (torch.randn(1, 3, 2, 2, requires_grad=True) for _ in range(2))

    divergence(student, teacher, 2).backward()

    assert student.grad.any()
    assert teacher.grad is None


def test_its_gradient_is_that_of_the_softened_cross_entropy():
    student, teacher = torch.randn(2, 3, 2, 2, requires_grad=True), torch.randn(2, 3, 2, 2)

    (found,) = torch.autograd.grad(divergence(student, teacher, 3), student)
    soft = -((teacher / 3).softmax(1) * (student / 3).log_softmax(1)).sum(1).mean() * 9
    (expected,) = torch.autograd.grad(soft, student)

    torch.testing.assert_close(found, expected)


def test_a_sure_wrong_answer_stays_finite():
    found = divergence(torch.tensor([[[200.0]], [[-200.0]]])[None], torch.tensor([[[-200.0]], [[200.0]]])[None], 1)

    assert found.item() == pytest.approx(400)


def test_the_gradient_is_right():
    student = torch.randn(2, 3, 2, 3, dtype=torch.float64, requires_grad=True)
    teacher = torch.randn(2, 3, 2, 3, dtype=torch.float64)

    assert torch.autograd.gradcheck(lambda values: divergence(values, teacher, 2.0), (student,))


def test_another_number_of_classes_is_refused():
    with pytest.raises(ValueError, match="must be equal"):
        divergence(torch.zeros(1, 3, 2, 2), torch.zeros(1, 4, 2, 2), 1)


def test_a_temperature_of_zero_is_refused():
    with pytest.raises(ValueError, match="above 0"):
        divergence(torch.zeros(1, 3, 2, 2), torch.zeros(1, 3, 2, 2), 0)


def test_classes_that_may_be_present_at_once_are_compared_each_for_itself_by_hand():
    teacher = torch.tensor([[math.log(9.0), math.log(9.0), 0.0]]) * 2  # softened: 0.9, 0.9 and a half
    student = torch.zeros(1, 3)

    found = divergence_of_each(student, teacher, temperature=2)

    of_one = 0.9 * math.log(0.9 / 0.5) + 0.1 * math.log(0.1 / 0.5)
    assert found.item() == pytest.approx(4 * (of_one + of_one + 0) / 3, rel=1e-5)


def test_overlap_of_two_voxels_equals_the_value_computed_by_hand():
    student = torch.log(torch.tensor([[[[0.4, 0.8]], [[0.6, 0.2]]]]))
    teacher = torch.log(torch.tensor([[[[0.1, 0.7]], [[0.9, 0.3]]]]))

    # Of class 1: apart by 0.3 + 0.1; together 0.8 + 1.2, and one voxel more.
    assert dice_semimetric(student, teacher).item() == pytest.approx(0.4 / 3)


def test_overlap_is_best_where_a_soft_answer_is_followed_not_where_it_is_rounded():
    teacher = torch.log(torch.tensor([[[[0.4]], [[0.6]]]])).expand(1, 2, 1, 50)
    rounded = torch.tensor([[[[-20.0]], [[20.0]]]]).expand(1, 2, 1, 50)

    assert dice_semimetric(teacher, teacher).item() == 0
    assert dice_semimetric(rounded, teacher).item() == pytest.approx(50 * 0.4 / 81)


def test_overlap_of_certain_answers_is_the_dice_loss():
    first, second = (
        torch.randint(0, 3, (2, 3, 4, 5), generator=torch.Generator().manual_seed(seed)) for seed in (0, 1)
    )
    student, teacher = (
        100.0 * torch.movedim(torch.nn.functional.one_hot(labels, 3), -1, 1).float() for labels in (first, second)
    )

    assert dice_semimetric(student, teacher).item() == pytest.approx(dice_loss(student, second).item(), abs=1e-5)


def test_overlap_does_not_count_a_class_the_teacher_does_not_find():
    labels = torch.tensor([[[0, 1, 2, 2]]])
    student = 100.0 * torch.movedim(torch.nn.functional.one_hot(labels, 3), -1, 1).float()
    teacher = 100.0 * torch.movedim(torch.nn.functional.one_hot(labels.clamp(max=1), 3), -1, 1).float()

    # Of class 1 the student finds one voxel, the teacher three; of class 2 the teacher finds none.
    assert dice_semimetric(student, teacher).item() == pytest.approx(2 / 5)


def test_overlap_teaches_the_student_alone_and_its_gradient_is_right():
    student, teacher = (torch.randn(2, 3, 2, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    dice_semimetric(student, teacher).backward()
    assert teacher.grad is None

    assert torch.autograd.gradcheck(lambda one: dice_semimetric(one, teacher), student)
