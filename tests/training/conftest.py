import pytest
import torch
from torch import nn

from analognas.data import DataSet, Split


def split_of(n, seed, n_classes=4):
    """Noisy prototypes, 1 x 6 x 6."""
    prototypes = torch.randn(n_classes, 1, 6, 6, generator=torch.Generator().manual_seed(99))
    generator = torch.Generator().manual_seed(seed)
    targets = torch.arange(n) % n_classes
    noise = torch.randn(n, 1, 6, 6, generator=generator)
    return Split(prototypes[targets] + 0.7 * noise, targets)


@pytest.fixture(scope="session")
def toy():
    """A task that a small network learns in a few steps."""
    parts = (split_of(192, 1), split_of(64, 2), split_of(64, 3))
    return DataSet("toy", "classification", *parts, (1, 6, 6), 4)


@pytest.fixture(scope="session")
def text():
    """A text whose next token follows from the last one, with some noise; windows of 6."""
    generator = torch.Generator().manual_seed(5)
    tokens = [0]
    for _ in range(6 * 120):
        jump = int(torch.randint(8, (), generator=generator)) == 0
        step = int(torch.randint(10, (), generator=generator)) if jump else 3
        tokens.append((tokens[-1] + step) % 10)
    stream = torch.tensor(tokens)
    inputs, targets = stream[:-1].view(-1, 6), stream[1:].view(-1, 6)
    parts = [
        Split(inputs[rows], targets[rows])
        for rows in (slice(0, 90), slice(90, 105), slice(105, 120))
    ]
    return DataSet("walk", "language_model", *parts, (6,), 10)


class Net(nn.Module):
    """A convolution with batch norm and dropout, and a classifier."""

    def __init__(self, n_classes=4):
        super().__init__()
        self.conv = nn.Conv2d(1, 6, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(6)
        self.drop = nn.Dropout(0.1)
        self.head = nn.Linear(6 * 36, n_classes)

    def forward(self, x):
        return self.head(self.drop(torch.relu(self.norm(self.conv(x))).flatten(1)))


@pytest.fixture
def make_net():
    """Equal networks, one a call."""

    def make(seed=0, **options):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return Net(**options)

    return make


@pytest.fixture
def make_lstm():
    from analognas.models import build_model

    def make(**options):
        generator = torch.Generator().manual_seed(0)
        settings = {"width": 12, "layers": 2, "dropout": 0.1, **options}
        return build_model("lstm", input_shape=(6,), n_classes=10, generator=generator, **settings)

    return make
