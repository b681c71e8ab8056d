"""The optimizer and the schedules: what torch's own classes do, without what they cost."""

import dataclasses
import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn

from edgedigits.records.model import Recipe
from edgedigits.train.optimizer import MOMENTUM, Adam, Muon, make_optimizer, one_cycle, orthogonal, schedule

RECIPE = Recipe(epochs=1, batch_size=1, lr=0.1, betas=(0.8, 0.95), weight_decay=0.2)


def gradients(step: int, parameters: list[Tensor]) -> list[Tensor]:
    generator = torch.Generator().manual_seed(step)
    return [torch.randn(parameter.shape, generator=generator) for parameter in parameters]


@pytest.mark.parametrize(("name", "kind"), [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)])
def test_steps_are_those_of_torch_to_the_last_bit(name: str, kind: type[torch.optim.Adam]) -> None:
    ours, theirs = ([torch.ones(4, 3), torch.ones(5)] for _ in range(2))
    mine = Adam(ours, Recipe(1, 1, 0.1, optimizer=name, betas=RECIPE.betas, weight_decay=0.2))
    other = kind(theirs, lr=0.1, betas=(0.8, 0.95), weight_decay=0.2, fused=True)
    for step in range(5):
        for parameters in (ours, theirs):
            for parameter, gradient in zip(parameters, gradients(step, parameters), strict=True):
                parameter.grad = gradient
        mine.step(0.1 / (step + 1))
        other.param_groups[0]["lr"] = 0.1 / (step + 1)
        other.step()
    for parameter, wanted in zip(ours, theirs, strict=True):
        assert torch.equal(parameter, wanted)


@pytest.mark.parametrize("shape", [(10, 784), (50, 784), (784, 50), (16, 72), (32, 32), (8, 9), (10, 1)])
def test_an_orthogonal_matrix_keeps_the_directions_and_levels_their_lengths(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0)) * 3e-4
    left, lengths, right = torch.linalg.svd(matrix, full_matrices=False)
    found = left.T @ orthogonal(matrix) @ right.T
    levelled = found.diagonal()
    assert (found - torch.diag(levelled)).abs().max() < 1e-3
    seen = levelled[lengths > 0.02 * lengths.max()]
    assert 0.65 < seen.min() <= seen.max() < 1.25


def test_the_iteration_is_newtons_and_schulzs_as_it_is_published() -> None:
    matrix = torch.randn(20, 60, generator=torch.Generator().manual_seed(1))
    x = matrix / matrix.norm()
    for _ in range(5):
        gram = x @ x.T
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    torch.testing.assert_close(orthogonal(matrix), x, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(orthogonal(matrix.T), x.T, rtol=1e-3, atol=1e-4)


def test_a_gradient_of_zeros_moves_nothing() -> None:
    assert torch.equal(orthogonal(torch.zeros(3, 5)), torch.zeros(3, 5))


def test_muon_steps_as_torchs_does_and_leaves_biases_to_adamw() -> None:
    recipe = Recipe(1, 1, 0.1, optimizer="muon", betas=RECIPE.betas, weight_decay=0.2)
    ours, theirs = ([torch.ones(6, 40), torch.ones(5)] for _ in range(2))
    mine = make_optimizer(ours, recipe)
    assert isinstance(mine, Muon)
    muon = torch.optim.Muon(theirs[:1], lr=0.1, weight_decay=0.2, momentum=MOMENTUM, nesterov=True)
    adamw = torch.optim.AdamW(theirs[1:], lr=0.01, betas=RECIPE.betas, weight_decay=0.2, fused=True)
    for step in range(5):
        for parameters in (ours, theirs):
            for parameter, gradient in zip(parameters, gradients(step, parameters), strict=True):
                parameter.grad = gradient
        mine.step(0.1)
        muon.step()
        adamw.step()
    torch.testing.assert_close(ours[0], theirs[0], rtol=2e-2, atol=2e-2)  # theirs multiplies in bfloat16
    assert torch.equal(ours[1], theirs[1])


def test_muon_takes_a_convolution_as_a_matrix() -> None:
    kernel = torch.ones(4, 2, 3, 3)
    kernel.grad = torch.randn(kernel.shape, generator=torch.Generator().manual_seed(0))
    wanted = torch.ones(4, 18) - 0.1 * orthogonal(kernel.grad.flatten(1))
    make_optimizer([kernel], Recipe(1, 1, 0.1, optimizer="muon")).step(0.1)
    torch.testing.assert_close(kernel.flatten(1), wanted)


@pytest.mark.parametrize("name", ["adam", "adamw", "muon"])
def test_gradients_are_forgotten(name: str) -> None:
    layer = nn.Linear(2, 1)
    layer(torch.ones(1, 2)).sum().backward()
    make_optimizer(layer.parameters(), dataclasses.replace(RECIPE, optimizer=name)).zero_grad()
    assert all(parameter.grad is None for parameter in layer.parameters())


@pytest.mark.parametrize("steps", [2, 3, 4, 10, 1000])
def test_a_cycle_is_torchs(steps: int) -> None:
    theirs = torch.optim.AdamW([torch.zeros(1)], lr=1)
    cycle = torch.optim.lr_scheduler.OneCycleLR(theirs, max_lr=0.5, total_steps=steps, cycle_momentum=False)
    rate = schedule(Recipe(1, 1, 0.5, schedule="one-cycle"), steps)
    for step in range(steps):
        assert rate(step) == pytest.approx(cycle.get_last_lr()[0], rel=1e-9)
        if step < steps - 1:
            theirs.step()
            cycle.step()


def test_a_single_step_is_the_peak_and_a_constant_rate_stays() -> None:
    assert one_cycle(0, 1) == 1
    assert {schedule(RECIPE, 10)(step) for step in range(10)} == {0.1}


def test_a_first_step_imports_no_compiler() -> None:
    code = """if True:
        import sys, torch
        from edgedigits.data.dataset import Split
        from edgedigits.models.classifier import build_classifier
        from edgedigits.models.presets import PRESETS
        from edgedigits.records.model import Recipe
        from edgedigits.records.progress import ignore
        from edgedigits.train import loop
        images = torch.zeros(4, 28, 28, dtype=torch.uint8).numpy()
        learn = Split(images, torch.zeros(4, dtype=torch.int64).numpy())
        loop.fit(build_classifier(PRESETS["fc"].spec), Recipe(1, 2, 0.1), learn, None, ignore)
        print("torch._dynamo" in sys.modules)"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
