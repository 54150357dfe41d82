"""Published systems beside the cost model: networks, chips, and what is assumed of each."""

from dataclasses import dataclass, replace

from analognas.hardware import AIMCChip, find_chip
from analognas.hardware.cost import cost_of_layers
from analognas.hardware.dataflow import Use
from analognas.spaces import Layers, NamedLayers

OPERATION_ENERGY = 1.5  # pJ, as hermes-system
STREAMING = (256 + 256) / 16.0
"""Time that inputs and outputs of an MVM of 256 x 256 take through a port of 128 bits at 1 GHz, ns; assumed."""
MEMORY_ENERGY = 20.0 / 8 * (14 / 45) * (0.8 / 0.9) ** 2
"""Energy of reading a byte of a memory of 32 kB, pJ: 20 pJ for 64 bits at 45 nm (Horowitz, ISSCC 2014), scaled."""


@dataclass(frozen=True)
class Row:
    """A published figure, the model's, and what is assumed."""

    name: str
    published: float
    predicted: float
    unit: str
    assumed: str

    @property
    def ratio(self) -> float:
        """Published over predicted."""
        return self.published / self.predicted


def named(layers):
    return [NamedLayers(str(i), "Conv2d", layer) for i, layer in enumerate(layers)]


def one_input(layers):
    return [replace(layer, positions=1) for layer in layers]


def resnet9():
    """Widths 64, 128 and 256 assumed: 1.85 of the 1.87 million weights."""
    convolutions = [(3, 64), (64, 128), (128, 128), (128, 128), (128, 256), (256, 256), (256, 256)]
    return [Layers(c, o, 9, 1) for c, o in convolutions] + [Layers(256, 10, 1, 1)]


def hermes_resnet9():
    chip = find_chip("hermes-system")
    layers = named(one_input(resnet9()))
    whole = cost_of_layers(layers, chip)
    slowest = max(cost_of_layers([layer], chip).latency for layer in layers)
    assumed = "one input of every layer; the slowest layer; widths 64, 128, 256"
    return [
        Row("ResNet-9 layer input, 64-core PCM", 1.52, slowest * 1e3, "us", assumed),
        Row("ResNet-9 layer input, 64-core PCM", 1.51, whole.energy * 1e3, "uJ", assumed),
    ]


def hermes_lstm():
    """The caption network on all 64 cores: 512 inputs, 512 units, 3,870 words are 4.08 million weights."""
    chip = find_chip("hermes-system").replace(n_tiles=None)
    layers = named([Layers(512, 2048, 1, 1), Layers(512, 2048, 1, 1), Layers(512, 3870, 1, 1)])
    uses = (Use(((0, 1), (1, 1)), ()), Use(((2, 1),), (0,)))
    cost = cost_of_layers(layers, chip, uses=uses)
    assumed = (
        "the caption network of 4.08 M weights on all cores, with its output layer; sizes assumed"
    )
    return [
        Row("LSTM step, 64-core PCM", 1.43, cost.latency * 1e3, "us", assumed),
        Row("LSTM step, 64-core PCM", 5.24, cost.energy * 1e3, "uJ", assumed),
    ]


def rnnt():
    """45 million weights fill 34 tiles of five chips to 98 %; the source states digital operations, 1 in 325."""
    chip = find_chip("ambrogio2023").replace(n_tiles=None, operation_energy=OPERATION_ENERGY)
    rows, columns, tiles, weights = 512, 512, 5 * 34, 45e6
    layer = Layers(rows, columns, 1, 1, repeats=tiles)
    plain = chip.replace(operations_per_output=0)
    cost = cost_of_layers(named([layer]), plain, operations=round(2 * weights / 325))
    return Row(
        "RNN-T system, 5 chips", 6.94, 2e-9 * weights / cost.energy, "TOPS/W",
        "sustained MVMs of all tiles; digital operations as stated, 1.5 pJ each; transfers not counted",
    )  # fmt: skip


def albert(passes):
    """A block of ALBERT-base for one token of 128, the usual length for GLUE: 7.1 million weights on 34 tiles.

    Attention reads keys and values of all tokens from memory, beside its digital operations.
    """
    chip = find_chip("ambrogio2023").replace(n_tiles=None, operation_energy=OPERATION_ENERGY)
    size, hidden, length = 768, 3072, 128
    matrices = [Layers(size, size, 1, passes, repeats=4), Layers(size, hidden, 1, passes), Layers(hidden, size, 1, passes)]  # fmt: skip
    attention = length * (4 * size + 5 * 12)
    cost = cost_of_layers(named(matrices), chip, operations=attention)
    energy = cost.energy + 2 * length * size * MEMORY_ENERGY * 1e-9
    operations = 2 * (4 * size * size + 2 * size * hidden)
    reading = (
        "two passes an MVM, as published for its keyword network"
        if passes > 1
        else "one pass an MVM"
    )
    return Row(
        "ALBERT, a lower bound" + (", two passes" if passes > 1 else ""), 3.0,
        1e-9 * operations / energy, "TOPS/W", f"{reading}; 128 tokens; attention digital, keys and values read from memory",
    )  # fmt: skip


def resnet18():
    """All layers at 256 x 256."""
    layers, channels = [Layers(3, 64, 49, 128**2)], 64
    for width, side in ((64, 64), (128, 32), (256, 16), (512, 8)):
        layers += [Layers(channels, width, 9, side**2)] + 3 * [Layers(width, width, 9, side**2)]
        if channels != width:
            layers.append(Layers(channels, width, 1, side**2, on_path=False))
        channels = width
    return [*layers, Layers(512, 1000, 1, 1)]


def bruschi():
    chip = find_chip("hermes-core").replace(n_tiles=322, replicate=True, schedule="pipelined", cut="elements",
        fixed_share=0.0, operation_energy=OPERATION_ENERGY, operation_throughput=16.0,
    )  # fmt: skip
    chip = chip.replace(mvm_latency=chip.mvm_latency + STREAMING)
    cost = cost_of_layers(named(resnet18()), chip)
    assumed = (
        "322 of 512 clusters hold weights and a batch is 16, as stated; 16 cores at 1 GHz, an operation a cycle; "
        "inputs and outputs pass a port of 128 bits before and after each MVM"
    )
    rate = 16e3 / cost.batch_latency(16)
    return [
        Row("ResNet-18, 512 crossbars", 3303.0, rate, "images/s", assumed),
        Row("ResNet-18, 512 crossbars", 6.5, 2e-9 * cost.macs / cost.energy, "TOPS/W", assumed),
    ]


def mobilenet_v2():
    """All layers at 224 x 224, the classifier left out."""
    side, channels = 112, 32
    layers = [Layers(3, 32, 9, side**2)]
    for factor, width, repeats, stride in (
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)
    ):  # fmt: skip
        for i in range(repeats):
            inner = channels * factor
            if factor != 1:
                layers.append(Layers(channels, inner, 1, side**2))
            side //= stride if i == 0 else 1
            layers.append(Layers(1, 1, 9, side**2, groups=inner))
            layers.append(Layers(inner, width, 1, side**2))
            channels = width
    return [*layers, Layers(320, 1280, 1, side**2)]


def garofalo():
    chip = find_chip("hermes-core").replace(depthwise="digital", digital_energy=2 * OPERATION_ENERGY, digital_throughput=8.0,
        operation_energy=OPERATION_ENERGY, operation_throughput=8.0,
    )  # fmt: skip
    chip = chip.replace(mvm_latency=chip.mvm_latency + STREAMING)
    cost = cost_of_layers(named(mobilenet_v2()), chip)
    assumed = "full arrays' energy; depthwise layers on 8 digital units at 1 GHz; the port of ResNet-18; the source simulates"
    return [
        Row("MobileNetV2, 34 crossbars", 10.1, cost.latency, "ms", assumed),
        Row("MobileNetV2, 34 crossbars", 482.0, cost.energy * 1e3, "uJ", assumed),
    ]


def rows() -> list[Row]:
    """All published systems beside the model."""
    return [
        *hermes_resnet9(),
        *hermes_lstm(),
        rnnt(),
        albert(1),
        albert(2),
        *bruschi(),
        *garofalo(),
    ]


def chips() -> list[AIMCChip]:
    """Chips of the table that have names."""
    return [find_chip(name) for name in ("hermes-system", "ambrogio2023", "hermes-core")]
