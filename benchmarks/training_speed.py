"""What the trainer adds to a step: against a bare loop over the same batches, medians of process CPU time.

Run: python benchmarks/training_speed.py [--model cnn-16] [--repeats 9]
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from timing import cpu_seconds, interleaved

from analognas.data import DataSet, Split
from analognas.models import build_model
from analognas.training import DigitalRecipe, Trainer
from analognas.training.loop import Loop, make_optimizer


def main() -> None:
    """Print CPU milliseconds a step of both, and the difference."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="cnn-16")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    torch.set_num_threads(1)
    n = options.batch * options.steps
    generator = torch.Generator().manual_seed(0)
    part = Split(torch.randn(n, 1, 28, 28, generator=generator), torch.arange(n) % 10)
    data = DataSet("noise", "classification", part, None, part, (1, 28, 28), 10)
    recipe = DigitalRecipe(batch_size=options.batch, epochs=10**6)
    trainer = Trainer(
        build_model(options.model, input_shape=(1, 28, 28), n_classes=10), data, recipe
    )
    loop = Loop(trainer.context(trainer.digital.train()), recipe, False)
    bare = build_model(options.model, input_shape=(1, 28, 28), n_classes=10).train()
    optimizer = make_optimizer(bare, recipe.optimizer)

    def trainer_steps() -> None:
        loop.position.begin_epoch()
        for inputs, targets in loop._batches():
            loop._step(inputs, targets)
            loop._tell()
            loop._is_time_to_save()

    def bare_steps() -> None:
        shuffle = torch.Generator().manual_seed(0)
        for inputs, targets in data.batches("train", options.batch, generator=shuffle):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(bare(inputs), targets).backward()
            optimizer.step()

    trainer_steps(), bare_steps()
    with_trainer, without = interleaved(
        [lambda: cpu_seconds(trainer_steps), lambda: cpu_seconds(bare_steps)], options.repeats
    )
    step = 1000.0 / options.steps
    print(
        f"{options.model}, batch {options.batch}: {with_trainer * step:.2f} ms a step with the trainer, "
        f"{without * step:.2f} ms without: {100 * (with_trainer / without - 1):+.1f} %"
    )


if __name__ == "__main__":
    main()
