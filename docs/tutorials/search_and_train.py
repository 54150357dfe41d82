# %% [markdown]
# # Tutorial: from a search space to a network on chips
#
# This tutorial follows the steps of AnalogNAS's own: define a space, estimate networks with a surrogate, search, build the
# winner, train it for analog hardware, and follow its accuracy over a year. It takes a few minutes on two CPU cores.
#
# ## 1. Define the search space
#
# `ConfigSpace("CIFAR-10")` is the space of AnalogNAS: networks of residual blocks for 32 x 32 images and 10 classes.

# %%
import numpy as np
from analognas import ConfigSpace

space = ConfigSpace("CIFAR-10")
print(space.get_hyperparameters()[:8])
print(f"{float(space.compute_cs_size()):.2e} architectures")

# %% [markdown]
# An architecture is a dictionary. Values of main blocks that are not there are 0.

# %%
arch = space.sample_arch(generator=np.random.default_rng(0))
print(arch["M"], arch["out_channel0"], arch["R1"])
print(space.params(space.population([arch])), "parameters")

# %% [markdown]
# ## 2. Estimate networks with a surrogate
#
# The shipped evaluator was fitted to networks of this space that were trained and measured. It returns the accuracy one day
# after programming, in percent, and the accuracy variation over a month (AVM), in points. To use your own measurements, call
# `fit` ([surrogates](../surrogates.md)).

# %%
from analognas import XGBoostEvaluator

surrogate = XGBoostEvaluator(space, model_type="XGBRanker", load_weight=True)
accuracies, avms = surrogate.query_pop(
    space.sample_arch_uniformly(3, generator=np.random.default_rng(1))
)
print(accuracies.round(1), avms.round(2))

# %% [markdown]
# ## 3. Search
#
# `EAOptimizer` is the evolution of AnalogNAS. Its limits on parameters (in millions) and AVM (in points) come before the
# objective. The small limit here keeps the training below short; remove it for a real search.

# %%
from analognas import EAOptimizer, Worker

optimizer = EAOptimizer(surrogate, population_size=20, nb_iter=5, max_nb_param=0.03, T_AVM=10)
worker = Worker(space, optimizer=optimizer, runs=2, out="tutorial-search")
worker.search()
worker.result_summary()

# %% [markdown]
# The folder `tutorial-search` contains every trial and `best.json`. Write its report, and open it in a browser:

# %%
from analognas.report.html.pages import write_page

print(write_page("tutorial-search"))

# %% [markdown]
# ## 4. Build and train the winner
#
# `best_arch` is a torch module with new weights. `train_best` trains the winner: digital first, then hardware-aware, with the
# noise of the chip in the forward pass. Here it is trained on the handwritten digits that come with the package, for a few
# epochs; choose `"cifar10"` and more epochs for a real result.

# %%
from analognas.training import DigitalRecipe, HWARecipe

print(type(worker.best_arch).__name__, worker.best_config["M"])
final = worker.train_best(
    "digits",
    recipe=HWARecipe(epochs=1),
    digital=DigitalRecipe(epochs=2),
    subset={"train": 500},
    evaluation={"chips": 2, "times": [1.0, 2592000.0], "examples": 100},
)
print(final.folder)

# %% [markdown]
# ## 5. Accuracy over time
#
# `final.drift` has the accuracy on simulated chips of the hardware-aware network (`hwa`), and of the digital network that was
# put on the same chips as it is (`direct`).

# %%
for kind, result in final.drift.items():
    month = result.at(2592000.0)
    print(f"{kind}: {month.value:.1f} % after a month, AVM {result.avm().value:.2f} points")

# %% [markdown]
# ## 6. What does it cost?
#
# Crossbars, latency and energy of the winner on an analog chip with as many crossbars as it needs:

# %%
from analognas.hardware import find_chip, network_cost

chip = find_chip("hermes").replace(n_tiles=None)
print(network_cost(worker.best_arch, chip, input_shape=(3, 32, 32)))
