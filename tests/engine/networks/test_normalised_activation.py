import pytest
import torch
from torch.nn import functional

from napari_medkd.engine.networks.normalised_activation import NormalisedActivation

pytestmark = pytest.mark.engine


def plain(module, map_BC):
    normalised = functional.instance_norm(map_BC, weight=module.weight, bias=module.bias, eps=1e-5)
    return functional.leaky_relu(normalised, 0.01)


@pytest.fixture(params=[(3, 5, 6, 4), (3, 5, 4, 6, 5)], ids=["planes", "volumes"])
def map_BC(request):
    return torch.randn(request.param, generator=torch.Generator().manual_seed(0)) * 3 + 1


@pytest.fixture
def module():
    made = NormalisedActivation(5)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        made.weight.copy_(torch.randn(5, generator=generator))
        made.bias.copy_(torch.randn(5, generator=generator))
    return made


def test_it_equals_instance_normalisation_and_leaky_relu(module, map_BC):
    torch.testing.assert_close(module(map_BC), plain(module, map_BC), rtol=1e-5, atol=1e-5)


def test_its_gradients_equal_those_of_the_plain_functions(module, map_BC):
    weights = torch.randn(map_BC.shape, generator=torch.Generator().manual_seed(2))
    ours, theirs = map_BC.clone().requires_grad_(), map_BC.clone().requires_grad_()

    found = torch.autograd.grad((module(ours) * weights).sum(), (ours, module.weight, module.bias))
    expected = torch.autograd.grad((plain(module, theirs) * weights).sum(), (theirs, module.weight, module.bias))

    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_its_gradient_is_right_in_double_precision(module):
    map_BC = torch.randn(2, 5, 3, 4, dtype=torch.float64, requires_grad=True)

    assert torch.autograd.gradcheck(module.double(), (map_BC,))


def test_half_precision_stays_half_and_near(module, map_BC):
    result = module(map_BC.bfloat16())

    assert result.dtype == torch.bfloat16
    torch.testing.assert_close(result.float(), plain(module, map_BC), rtol=0.05, atol=0.05)


def test_samples_do_not_see_each_other(module, map_BC):
    together = module(map_BC)

    torch.testing.assert_close(module(map_BC[1:2]), together[1:2])


def test_a_captured_graph_gives_the_same_answer(module, map_BC):
    captured = torch.export.export(module, (map_BC,)).module()

    torch.testing.assert_close(captured(map_BC), module(map_BC), rtol=1e-5, atol=1e-5)
