"""The FBNet space of HW-NAS-Bench: 22 layers, each with one of nine operations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...core import OutOfSpaceError, check_choice
from ..base import Population, Space
from ..genotypes import row_texts
from ..layers import LayerCounts, Layers, NamedLayers, check_input
from . import costs
from .operations import OPERATIONS, SETTINGS

if TYPE_CHECKING:
    from torch import nn

__all__ = ["FBNetSpace"]

N_LAYERS = 22


class FBNetSpace(LayerCounts, Space):
    """The 9^22 architectures of FBNet in HW-NAS-Bench's two settings.

    An architecture is given as 22 numbers or 22 names of operations (a tuple, list
    or array): ``0 k3_e1, 1 k3_e1_g2, 2 k3_e3, 3 k3_e6, 4 k5_e1, 5 k5_e1_g2, 6 k5_e3, 7 k5_e6, 8 skip``, where
    k is the kernel, e the expansion and g the number of groups.

    Args:
        setting: ``"cifar100"`` (input 3 x 32 x 32, 100 classes) or ``"ImageNet"`` (3 x 224 x 224, 1000).

    Raises:
        UnknownNameError: If the setting is unknown.

    Attributes:
        setting: Strides and header of the networks.

    Example:
        >>> space = FBNetSpace()
        >>> space.arch_str([0] * 21 + [8])[-2:]
        ('k3_e1', 'skip')
        >>> space.cost_keys([0] * 21 + [8])[-4]
        'Skip_H4_W4_Cin184_Cout352_stride1'
        >>> int(space.params(space.population([[0] * 22]))[0])
        1170676
    """

    def __init__(self, setting: str = "cifar100") -> None:
        self.setting = SETTINGS[check_choice("setting", setting, SETTINGS)]
        name = "fbnet" if setting == "cifar100" else f"fbnet_{setting.lower()}"
        super().__init__(name, [len(OPERATIONS)] * N_LAYERS)
        self.input_shape = (3, self.setting.size, self.setting.size)
        self.n_classes = self.setting.n_classes
        self.datasets = {setting: (self.input_shape, self.n_classes)}

    def encode(self, arch: Any) -> Population:
        """Return the genotype of one architecture in either form, shape ``(22,)``.

        Raises:
            OutOfSpaceError: If it does not have 22 entries, or one of them is not an operation.
        """
        if not isinstance(arch, tuple | list) and not (
            isinstance(arch, np.ndarray) and arch.ndim == 1
        ):
            raise OutOfSpaceError(
                f"An FBNet architecture is a list of {N_LAYERS} operations, but got {arch!r}."
            )
        if len(arch) != N_LAYERS:
            raise OutOfSpaceError(
                f"An FBNet architecture has {N_LAYERS} operations, but got {len(arch)}."
            )
        entries = arch.tolist() if isinstance(arch, np.ndarray) else arch
        return np.array([_number(entry, n) for n, entry in enumerate(entries)], dtype=np.int8)

    def decode(self, row: NDArray[np.integer[Any]]) -> tuple[int, ...]:
        """Return the 22 operation numbers of one genotype."""
        return tuple(np.asarray(row).tolist())

    def arch_str(self, arch: Any) -> tuple[str, ...]:
        """Return the names of the operations of one architecture in either form."""
        names = list(OPERATIONS)
        return tuple(names[number] for number in self.decode(self.encode(arch)))

    def json_texts(self, population: Population) -> list[str]:
        """Return the numbers of the operations of every row, as JSON text."""
        return row_texts(population)

    def describe(self, row: NDArray[np.integer[Any]]) -> dict[str, Any]:
        """Return numbers and names of the operations of one genotype."""
        return {"architecture": list(self.decode(row)), "arch_str": list(self.arch_str(row))}

    def layers(
        self,
        population: NDArray[Any],
        input_shape: tuple[int, int, int] | None = None,
        n_classes: int | None = None,
    ) -> Iterator[Layers]:
        """Yield all matrix layers of the network of every row, from the input to the classifier.

        Args:
            population: Genotypes, shape ``(n, 22)``.
            input_shape: Channels, height and width of the input; None: the setting's.
            n_classes: Number of classes; None: the setting's.

        Raises:
            InvalidArgumentError: If the input is too small for the setting.
        """
        shape, n_classes = self._checked(input_shape, n_classes)
        return costs.count_layers(population, self.setting, shape, n_classes)

    def named_layers(
        self,
        arch: Any,
        input_shape: tuple[int, int, int] | None = None,
        n_classes: int | None = None,
    ) -> list[NamedLayers]:
        """Return the matrices of one network in order of execution; see :meth:`.Space.named_layers`.

        Raises:
            OutOfSpaceError: If ``arch`` is not in the space.
            InvalidArgumentError: If the input is too small for the setting.
        """
        numbers = self.decode(self.encode(arch))
        shape, n_classes = self._checked(input_shape, n_classes)
        return list(costs.name_layers(numbers, self.setting, shape, n_classes))

    def cost_keys(self, arch: Any) -> tuple[str, ...]:
        """Return the keys of HW-NAS-Bench's cost table for one architecture in either form.

        Returns:
            26 keys: the stem, the 22 layers, header convolution, pooling and classifier. The cost of the
            network is the sum of their costs.
        """
        stem, end = costs.fixed_keys(self.setting)
        chosen = zip(costs.layer_keys(self.setting), self.decode(self.encode(arch)), strict=True)
        return stem, *(keys[number] for keys, number in chosen), *end

    def every_cost_key(self) -> tuple[str, ...]:
        """Return the keys of HW-NAS-Bench's cost table for all possible layers of the setting.

        Returns:
            Distinct keys: the stem, every operation in each of the 22 slots, and the last layers.

        Example:
            >>> len(FBNetSpace().every_cost_key())
            112
        """
        stem, end = costs.fixed_keys(self.setting)
        slots = costs.layer_keys(self.setting)
        return tuple(dict.fromkeys([stem, *(key for slot in slots for key in slot), *end]))

    def sum_costs(self, population: Population, table: Mapping[str, float]) -> NDArray[np.float64]:
        """Sum a cost over the layers of every row's network, shape ``(n,)``, in the unit of the table.

        Args:
            population: Genotypes, shape ``(n, 22)``.
            table: Costs by key; see :meth:`cost_keys`.

        Raises:
            UnknownNameError: If the table lacks a key.
        """
        return costs.sum_costs(population, self.setting, table)

    def build(
        self,
        arch: Any,
        input_shape: tuple[int, int, int] | None = None,
        n_classes: int | None = None,
    ) -> nn.Module:
        """Return the network of one architecture with newly initialised weights.

        Args:
            arch: The architecture in either form.
            input_shape: Channels, height and width of the input; None: the setting's.
            n_classes: Number of classes; None: the setting's.

        Raises:
            OutOfSpaceError: If ``arch`` is not in the space.
            InvalidArgumentError: If the input is too small for the setting.
        """
        numbers = self.decode(self.encode(arch))
        shape, n_classes = self._checked(input_shape, n_classes)
        from .network import FBNetNetwork

        return FBNetNetwork(numbers, self.setting, in_channels=shape[0], n_classes=n_classes)

    def _checked(
        self, input_shape: tuple[int, int, int] | None, n_classes: int | None
    ) -> tuple[tuple[int, int, int], int]:
        return check_input(
            self.input_shape if input_shape is None else input_shape,
            self.n_classes if n_classes is None else n_classes,
            self.setting.halvings,
        )


def _number(entry: Any, slot: int) -> int:
    if isinstance(entry, str):
        if entry in OPERATIONS:
            return list(OPERATIONS).index(entry)
    elif (
        isinstance(entry, int | np.integer)
        and not isinstance(entry, bool)
        and 0 <= entry < len(OPERATIONS)
    ):
        return int(entry)
    raise OutOfSpaceError(
        f"Operation {slot} of an FBNet architecture must be a number from 0 to {len(OPERATIONS) - 1} or "
        f"one of {', '.join(OPERATIONS)}, but got {entry!r}."
    )
