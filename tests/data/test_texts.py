"""Words, GLUE files, token streams."""

import time
import zipfile

import numpy as np
import pytest
import torch

from analognas.core import DataNotFoundError, InvalidArgumentError, TableIntegrityError
from analognas.data import (
    Tokenizer,
    language_data,
    load_data,
    load_tokenizer,
    text_data,
    word_tokenizer,
)
from analognas.data.archives import Members

SST2 = "sentence\tlabel\n" + "".join(
    f"{text}\t{k % 2}\n"
    for k, text in enumerate(["Bad film!", "a good film", "bad", "it's good"] * 5)
)


def sst2(root, train=SST2, dev=SST2):
    folder = root / "SST-2"
    folder.mkdir(exist_ok=True)
    (folder / "train.tsv").write_text(train)
    (folder / "dev.tsv").write_text(dev)
    return root


def test_words_by_frequency():
    tokenizer = word_tokenizer(["b a a", "a c b d"], size=3)
    assert tokenizer.vocabulary == ("<pad>", "<unk>", "<sep>", "a", "b", "c")
    ids = tokenizer(["A d c", "", "a b a b a b", ("a", "b")], max_length=4)
    assert ids.tolist() == [[3, 1, 5, 0], [1, 0, 0, 0], [3, 4, 3, 4], [3, 2, 4, 0]]


def test_sst2(tmp_path):
    data = load_data("glue", root=sst2(tmp_path), max_length=12, validation=0)
    assert data.task == "text_classification"
    assert data.classes == ("negative", "positive")
    assert (len(data.train), len(data.test), data.pad_id) == (20, 20, 0)
    assert data.input_shape == (12,)
    x, y = next(data.batches("train", 2))
    assert x.shape == (2, 8)
    words = [[data.vocabulary[k] for k in row if k] for row in x.tolist()]
    assert words == [["bad", "film", "!"], ["a", "good", "film"]]
    assert y.tolist() == [0, 1]
    assert len(load_data("glue", root=tmp_path, vocabulary_size=2).vocabulary) == 5


def test_from_the_archive(tmp_path):
    with zipfile.ZipFile(tmp_path / "SST-2.zip", "w") as file:
        file.writestr("SST-2/train.tsv", SST2)
        file.writestr("SST-2/dev.tsv", SST2)
    assert len(load_data("glue", root=tmp_path).validation) == 2


def test_tasks_of_pairs_and_without_header(tmp_path):
    (tmp_path / "RTE").mkdir()
    rows = "0\tOne.\tTwo.\tentailment\n1\tA\tB\tnot_entailment\n" * 8
    for name in ("train", "dev"):
        (tmp_path / "RTE" / f"{name}.tsv").write_text("index\tsentence1\tsentence2\tlabel\n" + rows)
    data = load_data("glue", root=tmp_path, task="rte")
    x, _ = next(data.batches("test", 1))
    assert [data.vocabulary[k] for k in x[0] if k] == ["one", ".", "<sep>", "two", "."]
    assert data.classes == ("entailment", "not_entailment")
    (tmp_path / "CoLA").mkdir()
    for name in ("train", "dev"):
        (tmp_path / "CoLA" / f"{name}.tsv").write_text(
            "gj04\t1\t\tFine.\ngj04\t0\t*\tFine not\n" * 8
        )
    assert len(load_data("glue", root=tmp_path, task="cola", validation=0).train) == 16


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("text\tlabel\na\t0\n", "must have the columns sentence, label, but lacks sentence"),
        ("", "lacks sentence, label"),
        ("sentence\tlabel\na\t0\nb\n", "line 3: must have 2 columns, but has 1"),
        ("sentence\tlabel\na\t2\n", "line 2: the label must be one of 0, 1, but is '2'"),
    ],
)
def test_damaged_tables(tmp_path, text, message):
    with pytest.raises(TableIntegrityError, match=f"'train.tsv'.*{message}"):
        load_data("glue", root=sst2(tmp_path, train=text))


def test_other_bytes_and_missing_class(tmp_path):
    sst2(tmp_path)
    with pytest.raises(InvalidArgumentError, match="none of positive"):
        load_data("glue", root=sst2(tmp_path, dev="sentence\tlabel\na\t0\n"))
    (tmp_path / "SST-2" / "train.tsv").write_bytes(b"\xff\xfe")
    with pytest.raises(TableIntegrityError, match="is not UTF-8 text"):
        load_data("glue", root=tmp_path)
    (tmp_path / "SST-2" / "dev.tsv").unlink()
    with pytest.raises(
        TableIntegrityError, match="dev.tsv must be in the same folder as train.tsv"
    ):
        load_data("glue", root=tmp_path)


def test_a_pretrained_tokenizer(tmp_path):
    tokenizers = pytest.importorskip("tokenizers")
    ids = {"[PAD]": 3, "[UNK]": 0, "good": 1, "bad": 2}
    inner = tokenizers.Tokenizer(tokenizers.models.WordLevel(ids, unk_token="[UNK]"))
    inner.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    inner.save(str(tmp_path / "tokenizer.json"))
    tokenizer = load_tokenizer(tmp_path)
    assert tokenizer.vocabulary == ("[UNK]", "good", "bad", "[PAD]")
    assert tokenizer(["good", "bad x good good"], max_length=3).tolist() == [[1, 3, 3], [2, 0, 1]]
    data = load_data("glue", root=sst2(tmp_path), tokenizer=tmp_path)
    assert data.pad_id == 3


def test_no_tokenizer(tmp_path):
    with pytest.raises(DataNotFoundError, match="a folder with tokenizer.json or an installed"):
        load_tokenizer(tmp_path)


def wikitext(root, **texts):
    folder = root / "wikitext-2"
    folder.mkdir(exist_ok=True)
    for split in ("train", "valid", "test"):
        (folder / f"wiki.{split}.tokens").write_text(texts.get(split, " a b\n a <unk>\n"))
    return root


def test_wikitext(tmp_path):
    root = wikitext(tmp_path, train=" \n = A =\n a b <unk>\n b a c\n")
    data = load_data("wikitext2", root=root, length=2)
    assert data.vocabulary == ("<eos>", "=", "A", "a", "b", "<unk>", "c")
    words = ["<eos>", "=", "A", "=", "<eos>", "a", "b", "<unk>", "<eos>", "b", "a", "c", "<eos>"]
    x, y = next(data.batches("train", 100))
    assert [data.vocabulary[k] for k in x.flatten()] == words[:12]
    assert [data.vocabulary[k] for k in y.flatten()] == words[1:]
    assert (x.dtype, y.dtype, x.shape) == (torch.int64, torch.int64, (6, 2))
    assert data.n_classes == 7
    assert data.validation is not None


def test_wikitext_words(tmp_path):
    data = load_data("wikitext2", root=wikitext(tmp_path, test="b z\n"), length=2)
    assert [data.vocabulary[k] for k in data.test.inputs.flatten()] == ["b", "<unk>"]
    wikitext(tmp_path, train="a b\n", valid="a\n", test="b z\n")
    with pytest.raises(TableIntegrityError, match=r"which has no <unk>\), but contains 'z'"):
        load_data("wikitext2", root=tmp_path, length=2)
    with pytest.raises(TableIntegrityError, match="more than 35 tokens, but has 6"):
        load_data("wikitext2", root=wikitext(tmp_path))


def test_ids_of_a_tokenizer_are_not_cast():
    def made(ids):
        return Tokenizer(("a", "b"), 0, lambda texts, max_length: ids)

    assert made([[1], []])(["x", ""], max_length=2).tolist() == [[1, 0], [0, 0]]
    for ids, message in (
        ([[1.7], [1]], "must be integers, but are of type float64"),
        ([[2**40 + 1], [1]], f"from 0 to 1, but got {2**40 + 1}"),
        ([[2], [1]], "from 0 to 1, but got 2"),
        ([[-1], [1]], "got -1"),
        ([[1, 1, 1], [1]], "at most 2 ids for each of 2 texts, but returned 2 lists of up to 3"),
        ([[1]], "returned 1 lists"),
    ):
        with pytest.raises(InvalidArgumentError, match=message):
            made(ids)(["x", "y"], max_length=2)


def test_token_streams_are_not_cast():
    ids = np.arange(20) % 4
    for wrong in (
        ids + 0.5,
        ids.astype(float),
        np.where(ids == 1, 2**40 + 1, ids),
        ids - 1,
        ids[:, None],
    ):
        with pytest.raises(TableIntegrityError, match="Token ids of x: test must be"):
            language_data("x", {"train": ids, "test": wrong}, "abcd", length=5)


def test_labels_of_texts_are_not_cast():
    words = (["a", "b"], [0.0, 1.7])
    with pytest.raises(TableIntegrityError, match="Labels of x: train must be integers"):
        text_data(
            "x",
            {"train": words, "test": words},
            classes="ab",
            tokenizer=None,
            vocabulary_size=9,
            max_length=4,
        )


def test_lines_end_at_line_feeds_only(tmp_path):
    data = load_data(
        "glue",
        root=sst2(tmp_path, train="sentence\tlabel\r\na\x85b\u2028c\t0\r\nd\t1\r\n"),
        validation=0,
    )
    assert len(data.train) == 2


def test_a_damaged_tokenizer(tmp_path):
    pytest.importorskip("tokenizers")
    path = tmp_path / "tokenizer.json"
    for text in ("", "{", "[" * 10**5, '{"model": 3}'):
        path.write_text(text)
        with pytest.raises(TableIntegrityError, match="not a readable tokenizer"):
            load_tokenizer(path)


def packed(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path.parent


def test_packed_texts_of_very_many_lines_or_words(tmp_path):
    names = [f"wikitext-2/wiki.{split}.tokens" for split in ("train", "valid", "test")]
    lines = b"sentence\tlabel\n" + b"\n" * (2 << 20)
    for members, archive, name, message in (
        ({f"SST-2/{f}.tsv": lines for f in ("train", "dev")}, "SST-2.zip", "glue", "'train.tsv' has 2,097,153 lines; the limit is 1,048,576"),
        (dict.fromkeys(names, b"a " * (9 << 20)), "wikitext-2-v1.zip", "wikitext2", "unpacks to 54 MiB; the limit is 32 MiB"),
    ):  # fmt: skip
        start = time.process_time()
        with pytest.raises(TableIntegrityError, match=message):
            load_data(name, root=packed(tmp_path / archive, members))
        assert time.process_time() - start < 2


def test_unpacked_texts_may_have_any_number_of_lines():
    data = b"\n" * (1 << 21)
    assert len(Members({"a": data}, packed=False).lines("a")) == 1 << 21


def test_a_text_of_words_in_the_tokens_of_a_pretrained_decoder(tmp_path):
    tokenizers = pytest.importorskip("tokenizers")
    text = "well - known films cost 1,000 <unk>\n good\n"
    inner = tokenizers.Tokenizer(tokenizers.models.BPE())
    inner.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = tokenizers.decoders.ByteLevel()
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    inner.train_from_iterator(
        [text], tokenizers.trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet)
    )
    inner.save(str(tmp_path / "tokenizer.json"))
    vocab = ["well", "@-@", "known", "films", "cost", "1", "@,@", "000", "<unk>", "<eos>", "good"]
    stream = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 9] * 3, np.uint16)
    file = tmp_path / "words.npz"
    np.savez(file, train=stream, test=stream[:-1], vocab=np.array(vocab), allow_pickle=False)
    data = load_data("npz", root=file, tokenizer=tmp_path, length=4, validation=0)
    assert data.n_classes == inner.get_vocab_size()
    tokens = torch.cat([data.train.inputs.ravel(), data.train.targets[-1, -1:]]).tolist()
    line = "well-known films cost 1,000 <unk>\ngood\n"
    expected = inner.encode(line * 3).ids
    assert tokens == expected[: len(tokens)]
    assert len(expected) - len(tokens) < 4
    # The last line of the test split has no end.
    assert inner.decode(inner.encode(line[:-1]).ids) == line[:-1]
    shorter = load_data("npz", root=file, tokenizer=tmp_path, length=1).test
    assert shorter.targets[-1].item() == inner.encode(line[:-1]).ids[-1]
    with pytest.raises(InvalidArgumentError, match="pretrained decoder"):
        load_data("npz", root=file, tokenizer=word_tokenizer(["a"], size=1))


def test_a_text_with_its_most_frequent_words(tmp_path):
    vocab = np.array(["rare", "<unk>", "the", "film", "<eos>"])
    train = np.array([2, 3, 4, 2, 3, 4, 2, 0, 1, 4] * 3, np.uint16)
    test = np.array([0, 2, 1, 3, 4, 2], np.uint16)
    file = tmp_path / "words.npz"
    np.savez(file, train=train, test=test, vocab=vocab, allow_pickle=False)
    data = load_data("npz", root=file, vocabulary_size=3, length=5, validation=0)
    assert data.vocabulary == ("<unk>", "the", "<eos>", "film")
    words = [data.vocabulary[k] for k in data.test.inputs[0].tolist()]
    assert words == ["<unk>", "the", "<unk>", "film", "<eos>"]
    assert load_data("npz", root=file, length=5).n_classes == 5
    with pytest.raises(InvalidArgumentError, match="has its own"):
        load_data("npz", root=file, vocabulary_size=3, tokenizer=tmp_path)
