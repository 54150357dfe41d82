"""Kinds of files that the package reads, each with a sound example, its mutations, and what reads it.

Run as a script it mutates and reads, with limits of time and memory, and prints what went wrong as JSON lines:
``readers.py N SEED [KIND ...]``.
"""

import contextlib
import gzip
import hashlib
import io
import json
import os
import pickle
import random
import resource
import shutil
import sqlite3
import sys
import tarfile
import tempfile
import time
import traceback
import warnings
import zipfile
from contextlib import closing
from pathlib import Path

import numpy as np
from mutations import (
    changed_array,
    changed_bytes,
    changed_cells,
    changed_values,
    json_bytes,
    npy_bytes,
)

from analognas.core import AnalogNASError

MOST_SECONDS = 5.0  # of the processor
MOST_BYTES = 1 << 30
N_CELLS = 12


class Kind:
    """A kind of file.

    ``sealed`` kinds have a checksum: what is read after a change of bytes equals what was written, or is an error.
    """

    sealed = False

    def make(self, home):
        """Write the example and return its path."""
        raise NotImplementedError

    def structured(self, path, generator):
        """Change values in the file, checksums included; None if this kind has no structure."""
        return

    def read(self, path):
        """Read all that is in the file and return something that tells differences."""
        raise NotImplementedError

    def mutate(self, path, generator):
        """Change the file; whether its bytes were changed, and not its values."""
        if generator.random() < 0.5 and self.structured(path, generator) is not None:
            return False
        path.write_bytes(changed_bytes(path.read_bytes(), generator))
        return True


def cells(n=N_CELLS):
    from analognas.spaces import NASBench201Space

    return NASBench201Space().sample(n, generator=np.random.default_rng(0))


class MeasuredParquet(Kind):
    sealed = True

    def make(self, home):
        from analognas.spaces import NASBench201Space
        from analognas.tables import TableRows, write_rows

        rng, space, rows = np.random.default_rng(0), NASBench201Space(), cells()
        values = {
            name: rng.uniform(50, 90, len(rows))
            for name in ("baseline_accuracy", "analog_drift_60", "analog_drift_2592000")
        }
        metadata = {
            "name": "test", "kind": "measured", "space": space.name, "space_fingerprint": space.fingerprint(),
            "provenance": {"dataset": "none"}, "licence": "", "notes": "",
        }  # fmt: skip
        table = TableRows(
            rows, np.zeros(len(rows), np.int64), values, {"epochs": 3}, [""] * len(rows)
        )
        write_rows(home / "t.parquet", table, metadata)
        return home / "t.parquet"

    def structured(self, path, generator):
        from analognas.tables.table_file import read_table, write_table

        table = read_table(path)
        columns, metadata = dict(table.columns), dict(table.metadata)
        metadata.pop("checksum", None)
        name = generator.choice(list(columns))
        if generator.random() < 0.5:
            metadata = changed_values(metadata, generator)
        elif generator.random() < 0.3:
            columns[generator.choice(("x", "analog_drift_x", ""))] = columns.pop(name)
        else:
            columns[name] = changed_array(columns[name], generator)
        with contextlib.suppress(Exception):  # what cannot be written need not be read
            if isinstance(metadata, dict):
                write_table(path, columns, metadata)
        return True

    def read(self, path):
        from analognas.tables import MeasuredTable

        table = MeasuredTable(path)
        found = table.query(table.population, list(table.rows.metrics))
        return [
            table.population.tolist(),
            repr({name: value.tolist() for name, value in found.items()}),
        ]


class CSVTable(Kind):
    def make(self, home):
        lines = [f'"{",".join(map(str, row))}",{1.5 + n}' for n, row in enumerate(cells().tolist())]
        (home / "t.csv").write_text("\n".join(["architecture,mine_latency", *lines]) + "\n")
        return home / "t.csv"

    def structured(self, path, generator):
        path.write_bytes(
            changed_cells(path.read_text(), generator).encode("utf-8", "surrogatepass")
        )
        return True

    def read(self, path):
        from analognas.spaces import NASBench201Space
        from analognas.tables import read_csv_table

        population, columns = read_csv_table(path, NASBench201Space())
        return [population.tolist(), repr(columns)]


def sqlite_values(path, generator, tables):
    """Change a value, remove or repeat a row of a database."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        table = generator.choice(tables)
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        column = generator.choice(columns)
        try:
            rows = connection.execute(f'SELECT rowid, "{column}" FROM {table}').fetchall()
        except sqlite3.OperationalError:  # a table without row numbers
            rows = []
        with contextlib.suppress(sqlite3.Error, OverflowError, UnicodeEncodeError):
            if not rows:
                connection.execute(
                    f'UPDATE {table} SET "{column}" = ?',
                    (generator.choice((None, -1, "x", 1e300, b"x")),),
                )
            elif generator.random() < 0.2:
                connection.execute(
                    f"DELETE FROM {table} WHERE rowid = ?", (generator.choice(rows)[0],)
                )
            else:
                row, value = generator.choice(rows)
                new = generator.choice(
                    (
                        None,
                        -1,
                        0,
                        2**62,
                        1e300,
                        -0.5,
                        "",
                        "x",
                        "[" * 500,
                        b"\0\1",
                        "{}",
                        "[]",
                        "null",
                        "NaN",
                    )
                )
                if isinstance(value, str) and value[:1] in "[{" and generator.random() < 0.6:
                    new = json.dumps(changed_values(json.loads(value), generator))
                connection.execute(f'UPDATE {table} SET "{column}" = ? WHERE rowid = ?', (new, row))
        connection.commit()


class TrialLogFile(Kind):
    sealed = True

    def make(self, home):
        from analognas.search import Worker

        Worker(optimizer="random_search", runs=2, budget=8, seed=1, out=home / "s").search()
        return home / "s" / "trials.sqlite"

    def structured(self, path, generator):
        from analognas.search.log.content import seal_again

        sqlite_values(path, generator, ("trials", "search", "states", "failures"))
        with closing(sqlite3.connect(path)) as connection, contextlib.suppress(Exception):
            with closing(connection.cursor()) as cursor:
                seal_again(cursor)
            connection.commit()
        return True

    def read(self, path):
        from analognas.search import TrialLog, read_trials
        from analognas.spaces import NASBench201Space

        found = read_trials(path)
        with TrialLog.open(path) as log:
            log.read_run(0, NASBench201Space())
        return [
            found.genotypes.tolist(),
            repr(found.values),
            found.run.tolist(),
            repr(found.settings),
        ]


class BuildQueue(Kind):
    def make(self, home):
        import fake

        fake.build(home / "b", fake.FakeMeasurement(), n=3)
        return home / "b" / "queue.sqlite"

    def structured(self, path, generator):
        sqlite_values(path, generator, ("units", "architectures"))
        return True

    def read(self, path):
        import fake

        from analognas.builder import Build, SerialWorkers, merge_build

        build = Build(path.parent)
        counts = build.counts()
        build.run(SerialWorkers(), measurement=fake.FakeMeasurement())
        report = merge_build(build)
        return [repr(counts), report.checksum]


def toy_training(out, resume=False, stop=None):
    import torch
    from torch import nn

    from analognas.data import DataSet, Split
    from analognas.training import DigitalRecipe, Saving, Trainer

    def split(n, seed):
        generator = torch.Generator().manual_seed(seed)
        return Split(torch.randn(n, 1, 4, 4, generator=generator), torch.arange(n) % 3)

    def listen(progress):
        if progress.row is None and progress.step >= stop:
            raise KeyboardInterrupt

    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    data = DataSet("toy", "classification", split(32, 1), split(16, 2), split(16, 3), (1, 4, 4), 3)
    recipe = DigitalRecipe(epochs=2, batch_size=8, saving=Saving(every_steps=1, every_seconds=0.0))
    trainer = Trainer(net, data, recipe, out=out, on_progress=listen if stop else None)
    return trainer.fit(resume=resume)


class Tensors(Kind):
    """Files of tensors with a description."""

    sealed = True

    def structured(self, path, generator):
        from analognas.training.tensor_files import read_tensors, write_tensors

        tensors, values = read_tensors(path)
        if generator.random() < 0.6 or not tensors:
            values = changed_values(values, generator)
        else:
            import torch

            name = generator.choice(list(tensors))
            new = generator.choice((
                tensors[name].double(), tensors[name].flatten(), tensors[name][None], torch.zeros(0), torch.zeros(2, 2),
                torch.full_like(tensors[name].float(), float("nan")), tensors[name].to(torch.int8),
            ))  # fmt: skip
            tensors = {**tensors, name: new}
            if generator.random() < 0.3:
                tensors.pop(generator.choice(list(tensors)))
        with contextlib.suppress(Exception):
            if isinstance(values, dict):
                write_tensors(path, tensors, values)
        return True


class Checkpoint(Tensors):
    def make(self, home):
        with contextlib.suppress(KeyboardInterrupt):
            toy_training(home / "t", stop=3)
        from analognas.training import CHECKPOINT_FILE

        return home / "t" / CHECKPOINT_FILE

    def read(self, path):
        result = toy_training(path.parent, resume=True)
        return repr(result.history)


class ModelFile(Tensors):
    def make(self, home):
        import torch

        from analognas.models import build_model
        from analognas.nn import AnalogConfig, calibrate, to_analog
        from analognas.training import ModelRecord, save_model

        torch.manual_seed(0)
        net = build_model("cnn-4", input_shape=(1, 8, 8), n_classes=2)
        model = calibrate(to_analog(net, AnalogConfig()), [torch.randn(4, 1, 8, 8)]).eval()
        record = ModelRecord(
            model="cnn-4", input_shape=(1, 8, 8), n_classes=2, data={"name": "digits"}
        )
        save_model(home / "model.safetensors", model, record)
        return home / "model.safetensors"

    def read(self, path):
        from analognas.training import load_model

        loaded = load_model(path)
        model = loaded[0] if isinstance(loaded, tuple) else loaded
        return hashlib.sha256(
            b"".join(p.detach().numpy().tobytes() for p in model.parameters())
        ).hexdigest()


class Surrogate(Kind):
    """JSON of weights with a checksum, packed or not."""

    sealed = True

    def structured(self, path, generator):
        from analognas.evaluators.shipped_weights import write_content

        text = path.read_bytes()
        content = json.loads(gzip.decompress(text) if path.suffix == ".gz" else text)
        content.pop("checksum", None)
        changed = changed_values(content, generator)
        with contextlib.suppress(Exception):
            if isinstance(changed, dict):
                write_content(path, changed)
        return True


class TreeWeights(Surrogate):
    def make(self, home):
        from analognas.evaluators import XGBoostEvaluator

        rows = cells(40)
        trees = XGBoostEvaluator(load_weight=False, encoding="raw")
        trees.fit(rows, {"analog_accuracy": 50.0 + rows.sum(axis=1)})
        trees.save(home / "w.json")
        return home / "w.json"

    def read(self, path):
        from analognas.evaluators import XGBoostEvaluator

        loaded = XGBoostEvaluator(load_weight=False).load(path)
        return repr(loaded.evaluate(cells(4), list(loaded.metrics)).means)


class GraphWeights(Surrogate):
    def make(self, home):
        from analognas.evaluators.shipped_weights import shipped_weights

        path, _ = shipped_weights("graph_ensemble", "resnet")
        shutil.copy(path, home / "w.json.gz")
        return home / "w.json.gz"

    def read(self, path):
        from analognas.evaluators import GraphEnsembleEvaluator

        loaded = GraphEnsembleEvaluator(space="resnet").load(path)
        rows = loaded.space.sample(4, generator=np.random.default_rng(0))
        return repr(loaded.evaluate(rows, list(loaded.metrics)).means)


class CostWeights(MeasuredParquet):
    def make(self, home):
        from analognas.evaluators import CostPredictor
        from analognas.spaces import NASBench201Space

        rows = cells(40)
        fitted = CostPredictor(space=NASBench201Space()).fit(
            rows, {"mine_latency": 1.5 + (rows == 3).sum(axis=1)}
        )
        fitted.save(home / "c.parquet")
        return home / "c.parquet"

    def read(self, path):
        from analognas.evaluators import CostPredictor

        loaded = CostPredictor.load(path)
        return repr(loaded.evaluate(cells(4), list(loaded.metrics)).means)


class Configuration(Kind):
    """YAML, whose values are changed and written as JSON, which is YAML too."""

    def example(self):
        raise NotImplementedError

    def make(self, home):
        import yaml

        (home / "c.yaml").write_text(yaml.safe_dump(json.loads(json.dumps(self.example()))))
        return home / "c.yaml"

    def structured(self, path, generator):
        import yaml

        changed = changed_values(yaml.safe_load(path.read_text()), generator)
        with contextlib.suppress(yaml.YAMLError, UnicodeEncodeError):
            text = (
                yaml.safe_dump(changed)
                if generator.random() < 0.7
                else json_bytes(changed).decode("utf-8", "replace")
            )
            path.write_text(text)
        return True


class ChipYAML(Configuration):
    def make(self, home):
        from analognas.hardware import CHIPS, save_chip

        save_chip(CHIPS.get(sorted(CHIPS)[0]), home / "c.yaml")
        return home / "c.yaml"

    def read(self, path):
        from analognas.hardware import load_chip

        return repr(load_chip(path))


class DeviceYAML(Configuration):
    def make(self, home):
        from analognas.physics import PowerLaw, save_device

        save_device(PowerLaw(nu=0.05), home / "c.yaml")
        return home / "c.yaml"

    def read(self, path):
        from analognas.physics import load_device

        return repr(load_device(path))


class AnalogYAML(Configuration):
    def example(self):
        from analognas.nn import AnalogConfig, InputRange, WeightModifier

        return AnalogConfig(
            input_range=InputRange(init_batches=5), modifier=WeightModifier(std=0.1)
        ).to_dict()

    def read(self, path):
        from analognas.nn import AnalogConfig

        return repr(AnalogConfig.load(path))


class TrainingYAML(Configuration):
    def example(self):
        from commands import TRAINING

        from analognas.training import RunConfig

        return RunConfig.from_dict(TRAINING).to_dict()

    def read(self, path):
        from analognas.training import RunConfig

        return repr(RunConfig.load(path))


class BuildYAML(Configuration):
    def example(self):
        import fake

        return fake.settings().to_dict()

    def read(self, path):
        from analognas.builder import BuildSettings

        return repr(BuildSettings.load(path))


class SearchYAML(Configuration):
    def example(self):
        return {
            "optimizer": {"name": "regularized_evolution", "population_size": 20}, "objectives": ["analog_drift_86400"],
            "constraints": ["params <= 0.5"], "budget": 20, "runs": 1, "seed": 3, "space": "nasbench201",
        }  # fmt: skip

    def read(self, path):
        from analognas.search import Search

        return repr(Search(path))


class SpaceYAML(Configuration):
    def make(self, home):
        from analognas.spaces import ConfigSpace

        space = ConfigSpace(name="mlp")
        space.add_hyperparameter("depth", "discrete", 1, 3)
        space.add_hyperparameter_range("width", "discrete", [16, 32, 64])
        space.add_hyperparameter("dropout", "discrete", 0, 4, when=("depth", ">", 1))
        space.save(home / "c.yaml")
        return home / "c.yaml"

    def read(self, path):
        from analognas.spaces import ConfigSpace

        space = ConfigSpace.load(path)
        return repr(space.sample(3, generator=np.random.default_rng(0)))


class Npz(Kind):
    def make(self, home):
        rng = np.random.default_rng(0)
        arrays = {
            "train_x": rng.integers(0, 255, (24, 5, 5, 1), dtype=np.uint8), "train_y": (np.arange(24) % 3).astype(np.uint8),
            "test_x": rng.integers(0, 255, (9, 5, 5, 1), dtype=np.uint8), "test_y": (np.arange(9) % 3).astype(np.uint8),
        }  # fmt: skip
        np.savez(home / "d.npz", **arrays)
        return home / "d.npz"

    def structured(self, path, generator):
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}
        name = generator.choice(list(arrays))
        lying = generator.random() < 0.4
        with (
            contextlib.suppress(ValueError, TypeError),
            zipfile.ZipFile(path, "w", generator.choice((0, 8))) as packed,
        ):
            for key, array in arrays.items():
                changed = key == name and not lying
                member = (
                    key if generator.random() < 0.95 else generator.choice(("x", "../x", "train_y"))
                )
                content = changed_array(array, generator) if changed else array
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    packed.writestr(
                        f"{member}.npy", npy_bytes(content, key == name and lying, generator)
                    )
        return True

    def read(self, path):
        from analognas.data import load_data

        data = load_data("npz", root=path, validation=0)
        return hashlib.sha256(
            data.train.inputs.numpy().tobytes() + data.train.targets.numpy().tobytes()
        ).hexdigest()


class CifarBatch(Kind):
    """A pickled batch in an unpacked folder."""

    def make(self, home):
        rng = np.random.default_rng(0)
        (home / "cifar-10-batches-py").mkdir()
        for name in [*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]:
            batch = {"data": rng.integers(256, size=(10, 3072), dtype=np.uint8), "labels": [k % 10 for k in range(10)],
                     "batch_label": name, "filenames": ["x"] * 10}  # fmt: skip
            (home / "cifar-10-batches-py" / name).write_bytes(pickle.dumps(batch, protocol=2))
        names = pickle.dumps({"label_names": [f"class{k}" for k in range(10)]})
        (home / "cifar-10-batches-py" / "batches.meta").write_bytes(names)
        return home / "cifar-10-batches-py" / "data_batch_1"

    def structured(self, path, generator):
        batch = pickle.loads(path.read_bytes())
        if generator.random() < 0.5:
            batch["data"] = changed_array(batch["data"], generator)
        else:
            batch = {
                "data": batch["data"],
                **{k: changed_values(v, generator) for k, v in batch.items() if k != "data"},
            }
        with contextlib.suppress(Exception):
            path.write_bytes(pickle.dumps(batch, protocol=generator.choice((0, 2, 4))))
        return True

    def read(self, path):
        from analognas.data import load_data

        data = load_data("cifar10", root=path.parent, validation=0)
        return hashlib.sha256(data.train.inputs.numpy().tobytes()).hexdigest()


class Archive(Kind):
    """A packed tar file, and a zip file."""

    def __init__(self, ending):
        from analognas.data.archives import Archive as Known

        self.known = Known(f"x.{ending}", folder="inner")

    def make(self, home):
        content = {"a.bin": b"first", "b.bin": bytes(range(256)) * 20}
        path = home / self.known.name
        if path.suffix == ".zip":
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
                for name, data in content.items():
                    file.writestr(f"inner/{name}", data)
        else:
            with tarfile.open(path, "w:gz") as file:
                for name, data in content.items():
                    facts = tarfile.TarInfo(f"inner/{name}")
                    facts.size = len(data)
                    file.addfile(facts, io.BytesIO(data))
        return path

    def structured(self, path, generator):
        if path.suffix == ".zip":
            return None
        plain = gzip.decompress(path.read_bytes())
        path.write_bytes(gzip.compress(changed_bytes(plain, generator)))
        return True

    def read(self, path):
        from analognas.data.archives import check_members, read_members

        members = read_members("x", path, self.known, ["a.bin", "b.bin"])
        check_members("x", members or {}, ["a.bin", "b.bin"])
        return repr(dict(members))


class Idx(Kind):
    def make(self, home):
        rng = np.random.default_rng(0)
        images = rng.integers(0, 255, (10, 28, 28), dtype=np.uint8)
        for part in ("train", "t10k"):
            head = bytes([0, 0, 8, 3]) + b"".join(n.to_bytes(4, "big") for n in images.shape)
            (home / f"{part}-images-idx3-ubyte").write_bytes(head + images.tobytes())
            head = bytes([0, 0, 8, 1]) + (10).to_bytes(4, "big")
            (home / f"{part}-labels-idx1-ubyte.gz").write_bytes(
                gzip.compress(head + bytes(range(10)))
            )
        return home / "train-images-idx3-ubyte"

    def structured(self, path, generator):
        data = path.read_bytes()
        path.write_bytes(changed_bytes(data[:16], generator) + data[16:])
        return True

    def read(self, path):
        from analognas.data import load_data

        data = load_data("mnist", root=path.parent, validation=0)
        return hashlib.sha256(data.train.inputs.numpy().tobytes()).hexdigest()


class Measurements(Kind):
    def make(self, home):
        rng = np.random.default_rng(0)
        lines = ["target_uS,device,time_s,conductance_uS"]
        for target in (5, 10, 15):
            for device in "abc":
                lines += [
                    f"{target},{device},{time},{target * time**-0.05 + rng.normal(0, 0.1):.3f}"
                    for time in (1, 60, 3600)
                ]
        (home / "m.csv").write_text("\n".join(lines) + "\n")
        return home / "m.csv"

    def structured(self, path, generator):
        path.write_bytes(
            changed_cells(path.read_text(), generator).encode("utf-8", "surrogatepass")
        )
        return True

    def read(self, path):
        from analognas.physics.fitting import read_measurements

        data = read_measurements(path)
        return repr((data.target, data.time, data.conductance, data.device))


class ResultJSON(Kind):
    """The result of a drift evaluation, and its page."""

    sealed = True

    def make(self, home):
        from commands import Drift

        home.joinpath("home").mkdir()
        Drift().prepare(home / "home")
        assert Drift().start(home / "home", home / "d") == 0
        return home / "d" / "result.json"

    def structured(self, path, generator):
        from analognas.core.files import with_checksum

        payload = json.loads(path.read_text())
        name = generator.choice(list(payload))
        entry = payload[name]
        entry.pop("sha256", None)
        changed = changed_values(entry, generator)
        with contextlib.suppress(Exception):
            payload[name] = with_checksum(changed) if isinstance(changed, dict) else changed
            path.write_bytes(json_bytes(payload))
        return True

    def read(self, path):
        from analognas.drift import read_drift
        from analognas.report.html import make_page

        found = repr(read_drift(path.parent))
        make_page(path.parent)
        return found


class SearchResultJSON(Kind):
    """The result of a search, by the page of it."""

    def make(self, home):
        from analognas.search import Worker

        Worker(optimizer="random_search", runs=2, budget=8, seed=1, out=home / "s").search()
        return home / "s" / "best.json"

    def structured(self, path, generator):
        from analognas.core.files import with_checksum

        payload = json.loads(path.read_text())
        payload.pop("sha256", None)
        changed = changed_values(payload, generator)
        path.write_bytes(
            json_bytes(with_checksum(changed) if isinstance(changed, dict) else changed)
        )
        return True

    def read(self, path):
        from analognas.report.html import make_page

        make_page(path.parent)
        return ""


class TrainingResultJSON(SearchResultJSON):
    """The result of a training, by the page of it."""

    def make(self, home):
        from commands import Train

        Train().prepare(home)
        assert Train().start(home, home / "t") == 0
        return home / "t" / "result.json"


KINDS = {
    "measured table": MeasuredParquet(), "CSV table": CSVTable(), "trial log": TrialLogFile(), "build queue": BuildQueue(),
    "checkpoint": Checkpoint(), "model": ModelFile(), "trees": TreeWeights(), "graph ensemble": GraphWeights(),
    "cost predictor": CostWeights(), "chip": ChipYAML(), "device": DeviceYAML(), "analog layers": AnalogYAML(),
    "training": TrainingYAML(), "build": BuildYAML(), "search": SearchYAML(), "space": SpaceYAML(), "npz": Npz(),
    "CIFAR batch": CifarBatch(), "tar": Archive("tar.gz"), "zip": Archive("zip"), "idx": Idx(), "measurements": Measurements(),
    "drift result": ResultJSON(), "search result": SearchResultJSON(), "training result": TrainingResultJSON(),
}  # fmt: skip


def outcome(kind, path, whole, bytes_changed):
    """Read a mutated file: ``right``, ``read``, the class of a named error, or what is wrong."""
    start = time.process_time()
    try:
        found = kind.read(path)
        name = "right" if found == whole else "read"
        wrong = (
            "other values were read" if bytes_changed and kind.sealed and found != whole else None
        )
    except AnalogNASError as error:
        name, wrong = type(error).__name__, "its message has lines" if "\n" in str(error) else None
    except (Exception, RecursionError) as error:
        frames = traceback.extract_tb(error.__traceback__)
        place = next(
            (f"{f.filename}:{f.lineno}" for f in reversed(frames) if "analognas" in f.filename), ""
        )
        name, wrong = "wrong", f"{type(error).__name__}: {str(error)[:200]} ({place})"
    seconds = time.process_time() - start
    if seconds > MOST_SECONDS and wrong is None:
        wrong = f"it took {seconds:.1f} s"
    return name, wrong


def examine(name, n, seed, answers):
    """Mutate one kind in this process and write what happened."""
    kind, counts, faults = KINDS[name], {}, []
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        home = Path(folder)
        (home / "sound").mkdir()
        path = kind.make(home / "sound").relative_to(home / "sound")
        parent = path.parent if path.parent.name else Path()
        shutil.copytree(home / "sound" / parent, home / "first")
        whole = kind.read(home / "first" / path.name)
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MOST_BYTES, resource.RLIM_INFINITY))
        for number in range(n):
            work = home / "work"
            shutil.copytree(home / "sound" / parent, work)
            bytes_changed = kind.mutate(work / path.name, random.Random(f"{name} {seed} {number}"))
            answers.write(json.dumps({"kind": name, "now": number}) + "\n")
            answers.flush()
            found, wrong = outcome(kind, work / path.name, whole, bytes_changed)
            counts[found] = counts.get(found, 0) + 1
            if wrong:
                faults.append(f"mutation {number}: {wrong}")
            shutil.rmtree(work)
    answers.write(json.dumps({"kind": name, "counts": counts, "faults": faults}) + "\n")
    answers.flush()


def main():
    n, seed, names = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:] or list(KINDS)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    import torch

    torch.set_num_threads(1)
    for name in names:
        process = os.fork()  # a kind that crashes does not end the others
        if process == 0:
            try:
                examine(name, n, seed, answers)
                os._exit(0)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
        _, status = os.waitpid(process, 0)
        print(json.dumps({"kind": name, "status": status}), file=answers, flush=True)


if __name__ == "__main__":
    main()
