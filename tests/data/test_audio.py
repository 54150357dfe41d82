"""Features against closed forms and a plain discrete Fourier transform; WAV files and folders of them."""

import math
import struct

import numpy as np
import pytest
import scipy.fft
import torch
from scipy.io import wavfile

from analognas.core import (
    DataNotFoundError,
    InvalidArgumentError,
    TableIntegrityError,
    UnknownNameError,
)
from analognas.data import AudioFeatures, load_data, read_wav
from analognas.data.audio_features import dct_matrix, hz_to_mel, mel_filters
from analognas.data.speech_commands import KEYWORDS, hashed_split

RATE = 16000


def test_mel_scale():
    # 1000 Hz is 1000 mel up to the rounding of the constant 2595.
    assert float(hz_to_mel(torch.tensor(1000.0))) == pytest.approx(1000, abs=0.02)
    assert float(hz_to_mel(torch.tensor(700.0))) == pytest.approx(2595 * math.log10(2))


@pytest.mark.parametrize(("rate", "n_fft"), [(16000, 512), (8000, 256)])
def test_filters_are_triangles_that_sum_to_one(rate, n_fft):
    filters = mel_filters(40, n_fft, rate, 20, rate / 2)
    centres = torch.linspace(*hz_to_mel(torch.tensor([20.0, rate / 2])).tolist(), 42)[1:-1]
    mels = hz_to_mel(torch.arange(n_fft // 2 + 1) * rate / n_fft)
    inside = (mels > centres[0]) & (mels < centres[-1])
    assert inside.sum() > 100
    torch.testing.assert_close(filters[inside].sum(1), torch.ones(int(inside.sum())).double())
    assert ((filters > 0).sum(1) <= 2).all()
    assert torch.equal(filters.argmax(0), (mels.unsqueeze(1) - centres).abs().argmin(0))


def test_cosine_transform_is_scipys():
    x = np.random.default_rng(0).normal(size=(5, 40))
    expected = scipy.fft.dct(x, norm="ortho")[:, :10]
    np.testing.assert_allclose(x @ dct_matrix(10, 40).numpy(), expected, atol=1e-12)
    full = dct_matrix(40, 40)
    torch.testing.assert_close(full.T @ full, torch.eye(40).double())


@pytest.mark.parametrize("n_mfcc", [None, 10])
@pytest.mark.parametrize("rate", [8000, 16000])
def test_features_against_a_plain_transform(n_mfcc, rate):
    make = AudioFeatures(rate, n_mfcc=n_mfcc)
    clips = np.random.default_rng(0).integers(-20000, 20000, size=(3, rate // 4), dtype=np.int16)
    frame, hop, n = make.frame_samples, make.hop_samples, make.n_fft
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(frame) / frame)
    k = np.arange(n // 2 + 1)[:, None]
    rows = []
    for clip in clips / 2**15:
        for start in range(0, len(clip) - frame + 1, hop):
            part = clip[start : start + frame] * window
            spectrum = (part * np.exp(-2j * np.pi * k * np.arange(frame) / n)).sum(1)
            energy = (np.abs(spectrum) ** 2) @ mel_filters(40, n, rate, 20, rate / 2).numpy()
            rows.append(np.log(np.maximum(energy, 1e-6)))
    expected = np.stack(rows).reshape(3, 1, -1, 40)
    if n_mfcc:
        expected = scipy.fft.dct(expected, norm="ortho")[..., :n_mfcc]
    out = make(torch.from_numpy(clips))
    assert out.shape == expected.shape
    np.testing.assert_allclose(out, expected, atol=1e-3)
    floats = make(torch.from_numpy(clips.astype(np.float32) / 2**15))
    torch.testing.assert_close(floats, out)


def test_a_tone_in_closed_form():
    # A cosine of amplitude a on frequency k of a Hann frame of N samples: |X_k| = a N / 4.
    make = AudioFeatures(RATE, window=0.032, n_mels=20)
    k, amplitude, n = 40, 0.5, 512
    assert make.frame_samples == make.n_fft == n
    tone = amplitude * torch.cos(2 * math.pi * k * torch.arange(4096.0) / n)
    filters = mel_filters(20, n, RATE, 20, RATE / 2)
    lines = {k - 1: 0.5, k: 1.0, k + 1: 0.5}  # the window's own three lines
    energy = sum(filters[line] * (amplitude * n / 4 * part) ** 2 for line, part in lines.items())
    out = make(tone.unsqueeze(0))[0, 0]
    loud = energy > 1
    torch.testing.assert_close(
        out[:, loud].double(), energy[loud].log().expand(len(out), -1), rtol=1e-4, atol=1e-4
    )
    assert loud.sum() >= 1


def test_silence_is_the_floor():
    out = AudioFeatures(RATE)(torch.zeros(1, RATE))
    assert out.shape == (1, 1, 98, 40)
    torch.testing.assert_close(out, torch.full_like(out, math.log(1e-6)))


def test_blocks_do_not_matter():
    clips = torch.randn(130, 800, generator=torch.Generator().manual_seed(0))
    make = AudioFeatures(RATE)
    torch.testing.assert_close(make(clips)[129:], make(clips[129:]))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: AudioFeatures(0), "sample_rate"),
        (lambda: AudioFeatures(RATE, n_mfcc=41), "n_mfcc"),
        (lambda: AudioFeatures(RATE, high=9000.0), "`high` must be .* Hz"),
        (lambda: AudioFeatures(RATE, low=900.0, high=800.0), "`low`"),
        (lambda: AudioFeatures(RATE, hop=0.0), "`hop`"),
        (lambda: AudioFeatures(RATE)(torch.zeros(2, 399)), r"at least 400 samples, but got \(2, 399\)"),
        (lambda: AudioFeatures(RATE, n_mels=400)(torch.zeros(2, 400)), "with 400 some filters contain no"),
    ],
)  # fmt: skip
def test_bad_requests(call, text):
    with pytest.raises(InvalidArgumentError, match=text):
        call()


def tone(seed, n=RATE, scale=3000):
    return (np.random.default_rng(seed).normal(size=n) * scale).astype(np.int16)


def test_wav_round_trip(tmp_path):
    path, samples = tmp_path / "x.wav", tone(0)
    wavfile.write(path, RATE, samples)
    rate, back = read_wav(path)
    assert rate == RATE
    np.testing.assert_array_equal(back, samples)
    # A chunk that is no audio is skipped.
    data = path.read_bytes()
    extra = b"LIST" + struct.pack("<I", 4) + b"abcd"
    path.write_bytes(data[:4] + struct.pack("<I", len(data) + 4) + data[8:36] + extra + data[36:])
    np.testing.assert_array_equal(read_wav(path)[1], samples)


def test_damaged_wav(tmp_path):
    path = tmp_path / "x.wav"
    wavfile.write(path, RATE, tone(0))
    whole = path.read_bytes()
    for data in (b"", b"RIFF", whole[:20], whole[:40], whole[:-100], b"JUNK" + whole[4:]):
        path.write_bytes(data)
        with pytest.raises(TableIntegrityError, match="is not a readable WAV file"):
            read_wav(path)
    for samples in (tone(0).astype(np.float32), np.stack([tone(0)] * 2, 1), tone(0, n=0)):
        wavfile.write(path, RATE, samples)
        with pytest.raises(TableIntegrityError, match="16-bit samples in one channel"):
            read_wav(path)
    with pytest.raises(TableIntegrityError, match="Cannot read"):
        read_wav(tmp_path / "missing.wav")


def speech(root, words, n=10, lists=True):
    """A folder in the published layout; names of files by split where there are lists."""
    listed = {"validation_list.txt": [], "testing_list.txt": []}
    for w, word in enumerate(words):
        (root / word).mkdir()
        for k in range(n):
            name = f"{word}/{k:08x}_nohash_0.wav"
            wavfile.write(root / name, RATE, tone(100 * w + k, n=RATE // 2 if k == 0 else RATE))
            if k >= n - 2:
                listed["testing_list.txt" if k % 2 else "validation_list.txt"].append(name)
    for file, names in listed.items():
        if lists:
            (root / file).write_text("\n".join(names) + "\n")


def test_speech_commands_with_lists(tmp_path):
    speech(tmp_path, ["cat", "dog"])
    data = load_data("speech-commands", root=tmp_path)
    assert (len(data.train), len(data.validation), len(data.test)) == (16, 2, 2)
    assert data.classes == ("cat", "dog")
    assert data.input_shape == (1, 98, 40)
    expected = AudioFeatures(RATE)(torch.from_numpy(tone(109)).unsqueeze(0))
    torch.testing.assert_close(data.test.inputs[1:].float(), expected, rtol=1e-3, atol=1e-2)
    x, _ = next(data.batches("train", 16))
    assert x.mean().abs() < 1e-2
    mfcc = load_data("speech-commands", root=tmp_path, features="mfcc", seconds=0.5)
    assert mfcc.input_shape == (1, 48, 10)


def test_without_lists_speakers_stay_together(tmp_path):
    speech(tmp_path, ["cat", "dog"], n=40, lists=False)
    data = load_data("speech-commands", root=tmp_path)
    count = {"train": 0, "validation": 0, "test": 0}
    for k in range(40):
        count[hashed_split(f"{k:08x}_nohash_0.wav")] += 2
    assert {s: len(getattr(data, s)) for s in count} == count


def test_the_published_rule_gives_its_proportions():
    n = 20_000
    splits = [hashed_split(f"{k:08x}_nohash_1.wav") for k in range(n)]
    for split, p in (("validation", 0.1), ("test", 0.1), ("train", 0.8)):
        assert abs(splits.count(split) / n - p) < 5 * (p * (1 - p) / n) ** 0.5


def test_the_task_of_twelve(tmp_path):
    speech(tmp_path, [*KEYWORDS, "cat", "dog", "tree"], n=6)
    noise = tmp_path / "_background_noise_"
    noise.mkdir()
    wavfile.write(noise / "pink.wav", RATE, tone(0, n=20 * RATE))
    data = load_data("speech-commands", root=tmp_path, words="12")
    assert data.classes == (*KEYWORDS, "unknown", "silence")
    assert torch.bincount(data.train.targets).tolist() == [4] * 12
    assert torch.bincount(data.test.targets).tolist() == [1] * 12
    (noise / "pink.wav").unlink()
    with pytest.raises(TableIntegrityError, match="WAV files for the class silence"):
        load_data("speech-commands", root=tmp_path, words="12")


def test_bad_folders(tmp_path):
    speech(tmp_path, ["cat", "dog"])
    with pytest.raises(TableIntegrityError, match="lacks yes, no, up"):
        load_data("speech-commands", root=tmp_path, words="12")
    with pytest.raises(UnknownNameError, match="Unknown `features` 'mel'"):
        load_data("speech-commands", root=tmp_path, features="mel")
    wavfile.write(tmp_path / "dog" / "x.wav", 8000, tone(0))
    with pytest.raises(TableIntegrityError, match=r"x.wav' has 8000 Hz and the first 16000 Hz"):
        load_data("speech-commands", root=tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(TableIntegrityError, match="empty' must hold WAV files"):
        load_data("speech-commands", root=tmp_path)
    with pytest.raises(DataNotFoundError, match="speech_commands_v0.02.tar.gz .*unpack it"):
        load_data("speech-commands", root=tmp_path / "missing")


def test_a_split_without_files(tmp_path):
    speech(tmp_path, ["cat"])
    (tmp_path / "testing_list.txt").write_text("")
    with pytest.raises(TableIntegrityError, match="every split, but test has none"):
        load_data("speech-commands", root=tmp_path)
