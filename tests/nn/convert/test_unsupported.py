import warnings

import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from analognas.core import InvalidArgumentError
from analognas.nn import AnalogLinear, StaysDigitalWarning, summary, to_analog
from analognas.nn.convert.unsupported import check_layer, obstacle
from analognas.nn.quantize.integer_layers import quantize


class Own(nn.Module):
    """Its parameters have the given shapes."""

    def __init__(self, **shapes):
        super().__init__()
        for name, shape in shapes.items():
            self.register_parameter(name, nn.Parameter(torch.zeros(shape)))


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        (nn.Embedding(2, 2), "a lookup table, not a matrix product"),
        (nn.EmbeddingBag(2, 2), "a lookup table, not a matrix product"),
        (nn.ConvTranspose1d(1, 1, 1), "transposed convolutions are not supported"),
        (nn.ConvTranspose3d(1, 1, 1), "transposed convolutions are not supported"),
        (nn.Bilinear(1, 1, 1), "it multiplies two inputs"),
        (nn.RNN(1, 1), "only LSTM and GRU have analog forms"),
        (nn.GRUCell(1, 1), "single cells have no analog form; use the layer, LSTM or GRU"),
        (Own(a=(2, 2), b=(3,), c=(4, 1, 5)), "its use of a, c is unknown; see register_converter()"),
    ],
)  # fmt: skip
def test_what_has_weights_and_no_converter(module, reason):
    assert obstacle(module, None) == reason


@pytest.mark.parametrize(
    "module",
    [
        nn.ReLU(), nn.Sequential(nn.Linear(2, 2)), nn.BatchNorm2d(2), nn.SyncBatchNorm(2), nn.InstanceNorm1d(2, affine=True),
        nn.LayerNorm([3, 4]), nn.GroupNorm(1, 2), nn.RMSNorm([3, 4]), nn.PReLU(2), Own(scale=(7,), bias=(1, 7, 1)),
    ],
    ids=lambda module: type(module).__name__,
)  # fmt: skip
def test_what_has_nothing_for_tiles(module):
    assert obstacle(module, None) is None


def test_a_forward_of_its_own_comes_before_all_else():
    reason = "a Linear that overrides the forward; see register_converter()"
    assert obstacle(Own(a=(2, 2)), nn.Linear) == reason


def test_lazy_parameters_have_no_shape_yet():
    class Lazy(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.UninitializedParameter()

    assert obstacle(Lazy(), None) is None


@pytest.mark.parametrize(
    "module", [nn.Linear(2, 2), nn.LSTM(2, 2, bias=False), nn.MultiheadAttention(2, 1)]
)
def test_layers_that_can_be_converted(module):
    check_layer("net", module)
    with torch.no_grad():
        next(module.parameters()).view(-1)[0] = float("inf")
    with pytest.raises(
        InvalidArgumentError, match=r"'net' \(\w+\) must be finite, but contain NaN or infinity"
    ):
        check_layer("net", module)


def test_a_model_that_is_one_layer_needs_no_name():
    with pytest.raises(
        InvalidArgumentError, match="^The layer LazyLinear must have weights, but is lazy"
    ):
        check_layer("", nn.LazyLinear(2))


def test_weights_that_are_made_before_each_forward():
    pruned = prune.l1_unstructured(nn.Linear(4, 4), "weight", 0.5)
    with pytest.raises(
        InvalidArgumentError, match="but weight is computed before each forward.*pruning"
    ):
        check_layer("a", pruned)
    prune.remove(pruned, "weight")
    check_layer("a", pruned)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rnn = nn.utils.weight_norm(nn.LSTM(2, 2), "weight_hh_l0")
    with pytest.raises(
        InvalidArgumentError, match="but weight_hh_l0 is computed before each forward"
    ):
        check_layer("a", rnn)


class Int8Tensor(torch.Tensor):
    """As torchao's: a tensor that holds integers and a scale, and knows few operations."""

    @staticmethod
    def __new__(cls, q, scale):
        return torch.Tensor._make_wrapper_subclass(cls, q.shape, dtype=scale.dtype)

    def __init__(self, q, scale):
        self.q, self.scale = q, scale

    def __tensor_flatten__(self):
        return ["q", "scale"], None

    @classmethod
    def __tensor_unflatten__(cls, parts, *_):
        return cls(parts["q"], parts["scale"])

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        self = args[0]
        if func in (torch.ops.aten.detach.default, torch.ops.aten.clone.default):
            return cls(self.q.clone(), self.scale.clone())
        raise NotImplementedError(f"{func} is not implemented for {cls.__name__}")


def with_int8(layer, name):
    weight = getattr(layer, name)
    q = Int8Tensor((weight.detach() * 100).to(torch.int8), torch.tensor(0.01))
    setattr(layer, name, nn.Parameter(q, requires_grad=False))
    return layer


@pytest.mark.parametrize(
    ("layer", "weight"),
    [
        (nn.Linear(2, 2), "weight"),
        (nn.Conv1d(2, 2, 1), "weight"),
        (nn.LSTM(2, 2), "weight_hh_l0"),
        (nn.MultiheadAttention(2, 1), "in_proj_weight"),
    ],
)
def test_weights_that_are_quantised_by_a_tensor_subclass(layer, weight):
    net = nn.ModuleDict({"a": with_int8(layer, weight), "b": nn.Linear(2, 2)})
    with pytest.warns(StaysDigitalWarning, match=r"its weights are quantised\): 'a'"):
        model = to_analog(net)
    assert type(model["a"]) is type(layer)
    assert type(model["b"]) is AnalogLinear
    assert summary(model).layers[0].reason.startswith("its weights are quantised")


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2])
def test_weights_of_eight_bits_are_quantised(dtype):
    layer = nn.Linear(2, 2)
    layer.weight = nn.Parameter(layer.weight.detach().to(dtype), requires_grad=False)
    with pytest.warns(StaysDigitalWarning, match=r"its weights are quantised\): 'a'"):
        to_analog(nn.ModuleDict({"a": layer, "b": nn.Linear(2, 2)}))


def test_other_weights_that_are_no_plain_tensors():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sparse = nn.Linear(2, 2)
        sparse.weight = nn.Parameter(sparse.weight.detach().to_sparse_csr())
    with pytest.warns(StaysDigitalWarning, match=r"stored as sparse_csr\): 'a'"):
        to_analog(nn.ModuleDict({"a": sparse, "b": nn.Linear(2, 2)}), inplace=True)


def test_integer_layers_leave_them_too():
    net = nn.Sequential(with_int8(nn.Linear(2, 2), "weight"), nn.Linear(2, 2))
    with pytest.warns(StaysDigitalWarning, match=r"not quantised: '0' \(Linear\)"):
        model = quantize(net)
    assert type(model[0]) is nn.Linear


@pytest.mark.filterwarnings("ignore:FSDP is switching")
@pytest.mark.parametrize("wrapper", ["ddp", "fsdp1", "fsdp2"])
def test_networks_that_are_wrapped_already(wrapper, tmp_path):
    """Ranges that came later would be no parameters to the wrapper."""
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path}/meet", rank=0, world_size=1
    )
    try:
        from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard

        net = nn.Sequential(nn.Linear(2, 2))
        wrapped = {
            "ddp": lambda: nn.parallel.DistributedDataParallel(net),
            "fsdp1": lambda: FullyShardedDataParallel(net, device_id=torch.device("cpu")),
            "fsdp2": lambda: fully_shard(net),
        }[wrapper]()
        with pytest.raises(InvalidArgumentError, match=r"call to_analog\(\) first, then"):
            to_analog(wrapped)
    finally:
        torch.distributed.destroy_process_group()
