"""What two processes do together in the tests beside this file; run by them, once in each process."""

import copy
import os
import sys
import traceback
from datetime import timedelta
from pathlib import Path

import torch
from torch import nn
from torch.distributed.algorithms.join import Join
from torch.distributed.fsdp import (
    FullyShardedDataParallel,
    MixedPrecision,
    MixedPrecisionPolicy,
    ShardingStrategy,
    fully_shard,
)
from torch.nn.parallel import DistributedDataParallel
from torch.utils.checkpoint import checkpoint

from analognas.nn import (
    AnalogConfig,
    AnalogLayer,
    InputRange,
    WeightModifier,
    WeightScaling,
    attach,
    calibrate,
    gather_input_ranges,
    program,
    to_analog,
)

QUIET = AnalogConfig(
    out_noise=0.0, modifier=WeightModifier(kind="none"), input_range=InputRange(init_batches=20)
)
"""Nothing is drawn, so that runs can be compared."""
CPU = torch.device("cpu")


def batch(rank, step, features=8, scale=1.0, n=16):
    generator = torch.Generator().manual_seed(100 * rank + step)
    return scale * torch.randn(n, features, generator=generator)


def ranges(model):
    named = model.named_modules()
    return {
        name.replace("_fsdp_wrapped_module.", "").replace("module.", ""): float(
            getattr(layer.input_range, "full_tensor", lambda x=layer.input_range: x)()
            .detach()
            .sum()
        )
        for name, layer in named
        if isinstance(layer, AnalogLayer)
    }


def report(model, data=()):
    """Ranges, counts, and the spreads of what each layer was given in each step."""
    seen = [{f"heads.{k}": float(x.std()) for k in used} for x, used in data]
    return {"ranges": ranges(model), "counts": counts(model), "seen": seen}


def counts(model):
    return [int(x.input_range_batches) for x in model.modules() if isinstance(x, AnalogLayer)]


class Heads(nn.Module):
    """Each process uses a head of its own; or skips its blocks, or all of them."""

    def __init__(self, n=2):
        super().__init__()
        self.heads = nn.ModuleList(nn.Linear(8, 4) for _ in range(n))
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, x, used):
        return self.scale * sum((self.heads[i](x) for i in used), torch.zeros(x.shape[0], 4))


def wrapped(model, config=QUIET, **options):
    torch.manual_seed(0)
    model = to_analog(model, config)
    return DistributedDataParallel(model, **options)


def steps(model, optimizer, batches):
    for arguments in batches:
        optimizer.zero_grad()
        model(*arguments).square().mean().backward()
        optimizer.step()


def sgd(model, **options):
    optimizer = torch.optim.SGD(model.parameters(), **{"lr": 0.01, **options})
    attach(model, optimizer)
    return optimizer


def heads(rank, attached=True):
    """Rank 1 has ten times as large inputs, and the other head."""
    model = wrapped(Heads(), find_unused_parameters=True)
    optimizer = sgd(model) if attached else torch.optim.SGD(model.parameters(), lr=0.01)
    data = [(batch(rank, i, scale=10.0**rank), [rank]) for i in range(4)]
    steps(model, optimizer, data)
    return report(model, data)


def without_attach(rank):
    return heads(rank, attached=False)


def heads_under_fsdp(rank):
    torch.manual_seed(0)
    body = Heads()
    body.scale = nn.Parameter(torch.ones(1))  # FSDP takes no parameters without dimensions
    model = FullyShardedDataParallel(to_analog(body, QUIET), device_id=CPU)
    data = [(batch(rank, i, scale=10.0**rank), [rank]) for i in range(4)]
    steps(model, sgd(model), data)
    with FullyShardedDataParallel.summon_full_params(model):
        return report(model, data)


def heads_to_the_end(rank):
    """Warm-up ends in different steps: head 1 is used in every second one only."""
    config = QUIET.replace(input_range=InputRange(init_batches=2))
    model = wrapped(Heads(), config, find_unused_parameters=True)
    data = [(batch(rank, i), [0, 1] if i % 2 and rank else [0]) for i in range(8)]
    steps(model, sgd(model), data)
    return report(model, data)


def stochastic_depth(rank):
    model = wrapped(Heads(3), find_unused_parameters=True)
    generator = torch.Generator().manual_seed(rank)
    data = []
    for i in range(6):
        used = [k for k in range(3) if torch.rand((), generator=generator) < 0.5]
        data.append((batch(rank, i), used))
    steps(model, sgd(model), data)
    return report(model, data)


def join(rank, used=None):
    """3 and 5 batches."""
    model = wrapped(Heads(), find_unused_parameters=True)
    optimizer = sgd(model)
    data = [(batch(rank, i), used or [0, 1]) for i in range(3 + 2 * rank)]
    with Join([model]):
        steps(model, optimizer, data)
    first = report(model, data)
    with model.join():
        steps(model, optimizer, data[:1])
    return {"first": first, "ranges": ranges(model), "counts": counts(model)}


def join_heads(rank):
    return join(rank, [rank])


def accumulation(rank):
    """Uneven numbers of small batches before each step."""
    model = wrapped(nn.Sequential(nn.Linear(8, 4)))
    optimizer = sgd(model)
    seen = []
    for step in range(3):
        data = [batch(rank, 10 * step + i) for i in range(2 + rank)]
        with model.no_sync():
            for x in data[:-1]:
                model(x).square().mean().backward()
        model(data[-1]).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
        seen.append([float(x.std()) for x in data])
    return {"ranges": ranges(model), "counts": counts(model), "seen": seen}


def checkpointing(rank, compiled=False):
    """Against the plain network."""

    class Saving(nn.Module):
        def __init__(self, body):
            super().__init__()
            self.body = body

        def forward(self, x):
            if compiled:
                return torch.compile(self.body, backend="aot_eager")(x)
            return checkpoint(self.body, x, use_reentrant=False)

    results = []
    config = QUIET.replace(input_range=InputRange(init_batches=2))
    for wrap in (nn.Sequential, Saving):
        torch.manual_seed(0)
        body = nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 4))
        model = DistributedDataParallel(wrap(to_analog(body, config)))
        optimizer = sgd(model)
        steps(model, optimizer, [(batch(rank, i),) for i in range(5)])
        results.append([x.detach().clone() for x in model.parameters()])
    return {"pairs": list(zip(*results, strict=True)), "counts": counts(model)}


def compiled(rank):
    return checkpointing(rank, compiled=True)


def compiled_as_a_whole(rank):
    """``torch.compile`` around ``DistributedDataParallel``, within warm-up and beyond."""
    results = []
    config = QUIET.replace(input_range=InputRange(init_batches=2))
    for compiles in (False, True):
        torch.manual_seed(0)
        body = nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 4))
        model = DistributedDataParallel(to_analog(body, config))
        optimizer = sgd(model)
        run = torch.compile(model, backend="aot_eager") if compiles else model
        steps(run, optimizer, [(batch(rank, i),) for i in range(5)])
        results.append([x.detach().clone() for x in model.parameters()])
    return {"pairs": list(zip(*results, strict=True)), "counts": counts(model)}


def empty(rank):
    """One process has no examples in the second step."""
    config = QUIET.replace(scaling=WeightScaling(learned=True))
    model = wrapped(nn.Sequential(nn.Linear(8, 6), nn.Linear(6, 4)), config)
    optimizer = sgd(model)
    for i in range(4):
        x = batch(rank, i)[: 0 if rank and i == 1 else 16]
        optimizer.zero_grad()
        model(x).square().sum().backward()
        optimizer.step()
    return {"ranges": ranges(model), "counts": counts(model)}


def alone(rank):
    """Networks that are not wrapped have nothing to do with each other, nor has calibration."""
    torch.manual_seed(0)
    model = to_analog(nn.Sequential(nn.Linear(8, 4)), QUIET)
    steps(model, sgd(model), [(batch(rank, i),) for i in range(2 + 3 * rank)])
    if rank == 0:
        calibrate(model, [(batch(rank, 0))])
    before = ranges(model)
    steps(model, sgd(model), [(batch(rank, i),) for i in range(1 - rank)])
    gather_input_ranges(model)
    return {"before": before, "ranges": ranges(model), "counts": counts(model)}


class Everything(nn.Module):
    """Layers of each kind."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(2, 4, 3, padding=1)
        self.lstm = nn.LSTM(4, 4, batch_first=True)
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        x = self.conv(x.view(-1, 2, 4)).relu().transpose(1, 2)
        x = self.lstm(x)[0]
        return self.head(self.attention(x, x, x, need_weights=False)[0].mean(1))


def flat(**options):
    def wrap(model):
        return FullyShardedDataParallel(model, device_id=CPU, **options)

    return wrap


def flat_nested(model):
    model.lstm = FullyShardedDataParallel(model.lstm, device_id=CPU)
    return FullyShardedDataParallel(model, device_id=CPU)


def sharded(**options):
    def wrap(model):
        for part in (model.lstm, model.attention):
            fully_shard(part, **options)
        return fully_shard(model, **options)

    return wrap


def compiled_blocks(model):
    model.head.compile(backend="aot_eager")
    model.conv.compile(backend="aot_eager")
    return model


WRAPS = {
    "ddp": DistributedDataParallel,
    "fsdp1": flat(),
    "fsdp1, own parameters": flat(use_orig_params=True),
    "fsdp1, nested": flat_nested,
    "fsdp1, replicas": flat(sharding_strategy=ShardingStrategy.NO_SHARD),
    "fsdp1, gradients": flat(sharding_strategy=ShardingStrategy.SHARD_GRAD_OP),
    "fsdp1, bf16": flat(mixed_precision=MixedPrecision(torch.bfloat16, torch.float32)),
    "fsdp2": sharded(),
    "fsdp2, kept": sharded(reshard_after_forward=False),
    "fsdp2, compiled": lambda model: compiled_blocks(sharded()(model)),
    "ddp, static": lambda model: DistributedDataParallel(model, static_graph=True),
    "ddp, views": lambda model: DistributedDataParallel(model, gradient_as_bucket_view=True),
    "fsdp2, bf16": sharded(mp_policy=MixedPrecisionPolicy(torch.bfloat16, torch.float32)),
}


def whole_state(model):
    if isinstance(model, FullyShardedDataParallel):
        with FullyShardedDataParallel.summon_full_params(model):
            found = {k: v.detach().clone() for k, v in model.state_dict().items()}
    else:
        found = {
            k: getattr(v, "full_tensor", lambda v=v: v)() for k, v in model.state_dict().items()
        }
    return {
        name.replace("_fsdp_wrapped_module.", "").replace("module.", ""): x.detach().clone()
        for name, x in found.items()
    }


def fsdp(rank, names=("ddp", "fsdp1", "fsdp2"), n=4, attached=True, init=2, per="column"):
    """The same training under each wrapper."""
    config = QUIET.replace(
        input_range=InputRange(init_batches=init), scaling=WeightScaling(per=per, learned=True)
    )
    results = {}
    for name in names:
        torch.manual_seed(0)
        model = WRAPS[name](to_analog(Everything(), config))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        if attached:
            attach(model, optimizer)
        steps(model, optimizer, [(batch(rank, i),) for i in range(n)])
        results[name] = whole_state(model)
    return results


def fsdp_in_warm_up(rank):
    return fsdp(rank, init=20)


def fsdp_variants(rank):
    return fsdp(rank, names=tuple(WRAPS), n=5)


def fsdp_without_attach(rank):
    return fsdp(rank, attached=False)


def fsdp_chips(rank):
    """Calibration and chips of sharded networks."""
    results = {}
    for name in ("ddp", "fsdp1", "fsdp2"):
        torch.manual_seed(0)
        model = WRAPS[name](to_analog(Everything(), QUIET))
        data = [batch(0, 1), batch(0, 2)]
        calibrate(model, data)
        found = whole_state(model)
        program(model.eval(), generator=torch.Generator().manual_seed(0))
        results[name] = {**found, "outputs": model(data[0])}
    return results


def main():
    rank, size, folder, names = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:]
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo",
        init_method=f"file://{folder}/meet",
        rank=rank,
        world_size=size,
        timeout=timedelta(seconds=40),
    )
    for name in names:
        try:
            result = copy.deepcopy(globals()[name](rank))
        except Exception:
            result = {"error": traceback.format_exc()}
        torch.save(result, folder / f"{name}-{rank}")
        if "error" in result:
            print(name, result["error"], file=sys.stderr)
            break
    torch.distributed.barrier()
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
