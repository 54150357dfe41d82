# %% [markdown]
# # Tutorial: your own network and your own data
#
# You have a torch network and arrays. This tutorial puts the network on simulated chips, measures its accuracy over a year,
# trains it for the hardware, and finds the layer that loses most.
#
# ## 1. Your data
#
# A data set is made of three splits of inputs and targets. Here two classes of noisy waves stand for your measurements.

# %%
import torch
from analognas.data import DataSet, Split

generator = torch.Generator().manual_seed(0)
time = torch.linspace(0, 6.28, 64)


def waves(n):
    targets = torch.randint(0, 2, (n,), generator=generator)
    phases = 6.28 * torch.rand(n, 1, generator=generator)
    clean = torch.sin((2 + 2 * targets[:, None]) * time + phases)
    return Split((clean + 1.2 * torch.randn(n, 64, generator=generator))[:, None], targets)


data = DataSet("waves", "classification", waves(1000), waves(200), waves(300), (1, 64), 2)
print(data)

# %% [markdown]
# ## 2. Your network
#
# Any torch module. Convolutions, linear, recurrent and attention layers go to the chip; the rest stays digital.

# %%
from torch import nn


def build():
    return nn.Sequential(
        nn.Conv1d(1, 16, 9, padding=4),
        nn.BatchNorm1d(16),
        nn.ReLU(),
        nn.AvgPool1d(4),
        nn.Flatten(),
        nn.Linear(256, 2),
    )


# %% [markdown]
# ## 3. Train it
#
# A recipe says how. The digital recipe is ordinary training; the hardware-aware one continues from its weights with the
# converters and the noise of the chip.

# %%
from analognas.training import DigitalRecipe, HWARecipe, Trainer

torch.manual_seed(0)
network = build()
digital = Trainer(network, data, DigitalRecipe(epochs=8), seed=0).fit()
aware = Trainer(digital.model, data, HWARecipe(epochs=20), seed=0).fit()
print(digital.metrics, aware.metrics)

# %% [markdown]
# ## 4. A year on simulated chips
#
# `direct_mapping` puts the digital weights on the chip as they are. Both networks run on ten chips. The interval in brackets
# is that of the mean over all such chips, at 95 %.

# %%
from analognas.drift import DAY, YEAR, DriftEvaluator, direct_mapping

evaluator = DriftEvaluator(times=(1.0, DAY, YEAR), chips=10)
direct = evaluator.evaluate(direct_mapping(digital.model, data), data)
trained = evaluator.evaluate(aware.model, data)
for name, result in (("direct", direct), ("hardware-aware", trained)):
    print(f"{name}: {result.at(YEAR)} % after a year")

# %% [markdown]
# One run gave 92.7 [91.3, 94.1] % for direct mapping and 95.9 [95.0, 96.8] % for hardware-aware training; the digital network
# has 96.7 %. Give hardware-aware training enough epochs: after 3 of them, the two differ by less than their intervals.
#
# The results are tables for pandas, polars and xarray ([other tools](../interop.md)), and a figure:

# %%
from analognas.report import save_figure
from analognas.report.drift_curves import drift_curves

print(trained.rows()[0])
save_figure(drift_curves({"direct": direct, "hwa": trained}), "waves.png")

# %% [markdown]
# ## 5. Which layer loses most?

# %%
from analognas.drift import layer_sensitivity

for name, loss in layer_sensitivity(aware.model, data, chips=2).ranked():
    print(f"layer {name}: {loss.value:.2f} points")

# %% [markdown]
# On the command line, put `build(*, input_shape, n_classes)` into `my_module.py`, and run
# `analognas drift --model my_module:build --data digits`.
