"""Parsers of foreign texts and bytes, each as a function of bytes, for fuzzers.

A target raises nothing but the errors that its parser documents. ``python targets.py NAME -max_total_time=600`` runs it
under atheris, which is guided by coverage (``pip install atheris``); ``test_fuzz.py`` runs all by hypothesis. The folder
``corpus`` has the first inputs of each target.
"""

import atexit
import contextlib
import io
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

CORPUS = Path(__file__).with_name("corpus")
_FILES = {}


def _file(name, data):
    """A file with some content; its folder is used again."""
    if "folder" not in _FILES:
        _FILES["folder"] = Path(tempfile.mkdtemp())
        atexit.register(shutil.rmtree, _FILES["folder"], ignore_errors=True)
    path = _FILES["folder"] / name
    path.write_bytes(data)
    return path


def _text(data):
    return data.decode("utf-8", "replace")


def json_text(data):
    from analognas.core.limits import parse_json

    parse_json(data, where="x")
    parse_json(_text(data), where="x")


def yaml_text(data):
    from analognas.core.config_files import entry_lines, parse_value, parse_yaml

    text = _text(data)
    with contextlib.suppress(AnalogNASError):
        parse_yaml(text, "x")
    with contextlib.suppress(AnalogNASError):
        entry_lines(text)
    parse_value(text)


def foreign_text(data):
    from analognas.core.text_files import decoded

    with contextlib.suppress(ValueError):  # documented
        decoded(data)


def measurements(data):
    from analognas.physics.fitting import read_measurements

    read_measurements(_file("m.csv", data))


def csv_table(data):
    from analognas.spaces import NASBench201Space
    from analognas.tables import read_csv_table

    read_csv_table(_file("t.csv", data), NASBench201Space())


def legacy_pickle(data):
    from analognas.core.legacy_pickle import read_pickled_arrays

    read_pickled_arrays(data, "x")


def tensors(data):
    from analognas.training.tensor_files import read_tensors

    read_tensors(_file("x.safetensors", data))


def parquet(data):
    from analognas.tables.table_file import read_table

    read_table(_file("x.parquet", data))


def npz(data):
    from analognas.data import load_npz

    load_npz(_file("x.npz", data), channels="last")


def idx(data):
    from analognas.data.idx import read_idx

    read_idx(_file("x-idx3-ubyte", data))


def tar(data):
    from analognas.data.archives import Archive, read_members

    read_members("x", _file("x.tar.gz", data), Archive("x.tar.gz", folder="inner"), ["a.bin"])


def zipped(data):
    from analognas.data.archives import Archive, read_members

    read_members("x", _file("x.zip", data), Archive("x.zip", folder="inner"), ["a.bin"])


def image(data):
    from analognas.data.image_files import read_image

    read_image(data, "x")


def wav(data):
    from analognas.data.audio import read_wav

    read_wav(_file("x.wav", data))


def trial_log(data):
    from analognas.search import read_trials

    read_trials(_file("trials.sqlite", data))


def architecture(data):
    from analognas.spaces import NASBench201Space

    NASBench201Space().encode(_text(data))


def constraint(data):
    from analognas.core.constraints import parse_constraints

    parse_constraints([_text(data)])


def duration(data):
    from analognas.core.times import parse_time

    parse_time(_text(data))


def space(data):
    from analognas.spaces import ConfigSpace

    ConfigSpace.from_yaml(_text(data))


def chip(data):
    from analognas.hardware import load_chip

    load_chip(_file("c.yaml", data))


def device(data):
    from analognas.physics import load_device

    load_device(_file("d.yaml", data))


def layers(data):
    from analognas.nn import AnalogConfig

    AnalogConfig.load(_file("l.yaml", data))


def surrogate(data):
    from analognas.evaluators import XGBoostEvaluator

    XGBoostEvaluator(load_weight=False).load(_file("w.json", data))


TARGETS = {
    one.__name__: one
    for one in (
        json_text, yaml_text, foreign_text, measurements, csv_table, legacy_pickle, tensors, parquet, npz, idx, tar, zipped,
        image, wav, trial_log, architecture, constraint, duration, space, chip, device, layers, surrogate,
    )
}  # fmt: skip


def run(name, data):
    """Call a target; errors of the package are its answers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with contextlib.suppress(AnalogNASError):
            TARGETS[name](data)


def seeds(name):
    """The first inputs of a target."""
    return [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]


def _examples():
    """Small sound inputs, from which ``corpus`` was written by ``python targets.py corpus``."""
    import gzip
    import pickle
    import tarfile
    import wave
    import zipfile

    import numpy as np
    import torch
    from PIL import Image

    from analognas.hardware import CHIPS, save_chip
    from analognas.nn import AnalogConfig
    from analognas.physics import PowerLaw, save_device
    from analognas.spaces import ConfigSpace
    from analognas.tables.table_file import write_table
    from analognas.training.tensor_files import write_tensors

    def file(write, name):
        path = _file(name, b"")
        path.unlink()
        write(path)
        return path.read_bytes()

    def made(write):
        stream = io.BytesIO()
        write(stream)
        return stream.getvalue()

    def packed(stream):
        with tarfile.open(fileobj=stream, mode="w:gz") as archive:
            facts = tarfile.TarInfo("inner/a.bin")
            facts.size = 5
            archive.addfile(facts, io.BytesIO(b"first"))

    def zip_packed(stream):
        with zipfile.ZipFile(stream, "w", 8) as archive:
            archive.writestr("inner/a.bin", b"first")

    def sound(stream):
        with wave.open(stream, "wb") as clip:
            clip.setparams((1, 2, 16000, 4, "NONE", ""))
            clip.writeframes(bytes(8))

    space = ConfigSpace(name="mlp")
    space.add_hyperparameter("depth", "discrete", 1, 3)
    space.add_hyperparameter("dropout", "discrete", 0, 4, when=("depth", ">", 1))
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    arrays = {"train_x": pixels[None].repeat(4, 0), "train_y": np.arange(4, dtype=np.uint8) % 2}
    head = "target_uS,device,time_s,conductance_uS\n"
    return {
        "json_text": [b'{"a": [1, -2.5e3, null, true, "x\\u00e9"], "b": {"c": []}}'],
        "yaml_text": [b"a: [1, 2.5e-3, ~, yes, 'x']\nb:\n  c: &x {d: 1}\n  <<: *x\n", b"name=3"],
        "foreign_text": ["5 µS".encode(), "5 µS".encode("utf-16"), "5 µS".encode("latin-1")],
        "measurements": [(head + "5,a,1,5.1\n5,a,60,4.9\n5,b,1,5.2\n5,b,60,5.0\n").encode(), b"g (nS);t (min);dev\n1,5;1;a\n"],
        "csv_table": [b'architecture,mine_latency\n"2,2,0,4,2,1",1.5\nNo.77,2\n'],
        "legacy_pickle": [pickle.dumps({"data": np.arange(6, dtype=np.uint8), "labels": [1, 2]}, protocol=2)],
        "tensors": [file(lambda p: write_tensors(p, {"a": torch.zeros(2)}, {"n": 1}), "x.safetensors")],
        "parquet": [file(lambda p: write_table(p, {"a": np.arange(3)}, {"name": "x"}), "x.parquet")],
        "npz": [made(lambda s: np.savez(s, **arrays)), made(lambda s: np.savez_compressed(s, **arrays))],
        "idx": [bytes([0, 0, 8, 3]) + bytes([0, 0, 0, 2] * 3) + bytes(8)],
        "tar": [made(packed)],
        "zipped": [made(zip_packed)],
        "image": [made(lambda s, k=kind: Image.fromarray(pixels).save(s, k)) for kind in ("png", "jpeg", "gif", "bmp")],
        "wav": [made(sound)],
        "trial_log": [gzip.decompress(gzip.compress(_log()))],
        "architecture": [b"No.77", b"2,2,0,4,2,1", b"|nor_conv_3x3~0|+|none~0|none~1|+|none~0|skip_connect~1|none~2|"],
        "constraint": [b"params <= 0.5", b"analog_accuracy >= 90 %"],
        "duration": [b"1 month", b"3.5 h", b"1e6"],
        "space": [space.to_yaml().encode() if hasattr(space, "to_yaml") else file(space.save, "s.yaml")],
        "chip": [file(lambda p: save_chip(CHIPS.get(sorted(CHIPS)[0]), p), "c.yaml")],
        "device": [file(lambda p: save_device(PowerLaw(nu=0.05), p), "d.yaml")],
        "layers": [file(AnalogConfig().save, "l.yaml")],
        "surrogate": [b'{"format": "analognas-xgboost", "format_version": 1, "space": "nasbench201", "checksum": ""}'],
    }  # fmt: skip


def _log():
    from analognas.search import Worker

    with tempfile.TemporaryDirectory() as folder:
        Worker(optimizer="random_search", runs=1, budget=2, out=f"{folder}/s").search()
        return (Path(folder) / "s" / "trials.sqlite").read_bytes()


def write_corpus():
    for name, examples in _examples().items():
        (CORPUS / name).mkdir(parents=True, exist_ok=True)
        for number, data in enumerate(examples):
            (CORPUS / name / str(number)).write_bytes(data)


def fuzz(name, words):
    import atheris

    with atheris.instrument_imports(include=["analognas"]):
        run(name, seeds(name)[0])
    atheris.Setup([sys.argv[0], *words, str(CORPUS / name)], lambda data: run(name, data))
    atheris.Fuzz()


if __name__ != "__main__" or sys.argv[1] == "corpus":
    from analognas.core import AnalogNASError

if __name__ == "__main__":
    if sys.argv[1] == "corpus":
        write_corpus()
    else:
        # Everything of the package is imported under instrumentation.
        import atheris

        with atheris.instrument_imports(include=["analognas"]):
            from analognas.core import AnalogNASError
        fuzz(sys.argv[1], sys.argv[2:])
