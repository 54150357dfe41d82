# %% [markdown]
# # Tutorial: your own space, device and optimizer
#
# This tutorial searches a space of your own, on a device that you measured, with an optimizer that you wrote.
#
# ## 1. Your own device
#
# `fit_device` fits a device model to conductances that were read at several times after programming. Here a simulation of a
# known device stands for the measurements; a CSV file works in the same way ([device models](../devices.md)).

# %%
import torch
from analognas.physics import PCM
from analognas.physics.fitting import fit_device, simulate_measurements

generator = torch.Generator().manual_seed(0)
measured = simulate_measurements(
    PCM(), [5.0, 15.0, 25.0], [1.0, 60.0, 3600.0, 86400.0], 50, generator=generator
)
fit = fit_device(measured, bootstrap=20)
print(fit.model, [round(quantity.value, 3) for quantity in fit.select("nu_means")])

# %% [markdown]
# ## 2. Your own space
#
# Hyperparameters by name, a condition, and a function that builds the network.

# %%
from analognas import ConfigSpace
from torch import nn


def build(arch, input_shape, n_classes):
    layers, width = [nn.Flatten()], input_shape[0] * input_shape[1] * input_shape[2]
    for _ in range(arch["depth"]):
        layers += [nn.Linear(width, arch["width"]), nn.ReLU()]
        width = arch["width"]
    return nn.Sequential(*layers, nn.Linear(width, n_classes))


space = ConfigSpace(name="mlp", network=build)
space.add_hyperparameter("depth", "discrete", 1, 3)
space.add_hyperparameter_range("width", "discrete", [8, 16, 32])
print(space)

# %% [markdown]
# ## 3. Your own evaluator
#
# The accuracy after a day on your device, of a network that is trained for a moment. `TrainedEvaluator` trains properly and
# resumes ([search by training](../measuring.md)); a function is enough to begin with.

# %%
from analognas.drift import DAY, DriftEvaluator, direct_mapping
from analognas.evaluators import evaluator_from
from analognas.nn import AnalogConfig

x = torch.randn(400, 1, 4, 4, generator=generator)
y = (x.flatten(1)[:, :8].sum(1) > 0).long()


def accuracy_after_a_day(arch):
    torch.manual_seed(0)
    network = build(arch, (1, 4, 4), 2)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(40):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(x[:300]), y[:300]).backward()
        optimizer.step()
    analog = direct_mapping(network, [x[:300]], AnalogConfig(device=fit.device))
    return (
        DriftEvaluator(times=(1.0, DAY), chips=2).evaluate(analog, (x[300:], y[300:])).at(DAY).value
    )


evaluator = evaluator_from(accuracy_after_a_day, space, {"day_accuracy": "max"})

# %% [markdown]
# ## 4. Your own optimizer
#
# An optimizer proposes architectures with `ask` and sees their results in `tell`. This one tries neighbours of the best one.
# `analognas.testing` has the tests that it should pass.

# %%
import numpy as np
from analognas.optimizers import Optimizer


class Climber(Optimizer):
    name = "climber"

    def hyperparameters(self):
        return {"batch_size": self.batch_size}

    def _start(self):
        self.best, self.value = None, -np.inf

    def ask(self):
        if self.best is None:
            return self._unseen(self.batch_size)
        near = self.space.neighbours(self.best)
        new = self._take_new(near, self.batch_size)
        return new if len(new) else self._unseen(self.batch_size)

    def tell(self, population, evaluation):
        values = evaluation.means["day_accuracy"]
        if len(values) and values.max() > self.value:
            self.value, self.best = values.max(), population[int(values.argmax())]


# %% [markdown]
# ## 5. Search

# %%
from analognas import Worker

worker = Worker(
    space,
    evaluator=evaluator,
    optimizer=Climber(batch_size=3),
    objectives="day_accuracy",
    runs=1,
    budget=6,
)
worker.search()
worker.result_summary()
print(worker.best_config)
