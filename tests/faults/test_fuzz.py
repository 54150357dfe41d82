"""Parsers with inputs that hypothesis draws: changes of the corpus, and anything else."""

import os
import random
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
import mutations
import targets

MOST_SECONDS = 5.0


def inputs(name):
    corpus = targets.seeds(name)
    changed = st.builds(
        lambda data, seeds: changed_again(data, seeds),
        st.sampled_from(corpus),
        st.lists(st.integers(0, 2**32), min_size=1, max_size=4),
    )
    joined = st.lists(st.sampled_from(words(corpus)) | st.binary(max_size=8), max_size=12).map(
        b"".join
    )
    return (
        changed
        | joined
        | st.binary(max_size=200)
        | st.text(max_size=100).map(lambda text: text.encode())
    )


def changed_again(data, seeds):
    for seed in seeds:
        data = mutations.changed_bytes(data, random.Random(seed))
    return data


def words(corpus):
    """Parts of the corpus of which new inputs are made."""
    generator = random.Random(0)
    parts = [
        b"\n",
        b",",
        b": ",
        b'"',
        b"- ",
        b"&a",
        b"*a",
        b"!!bool",
        b"1e999",
        b"\x00",
        b"{",
        b"[",
        b"~",
        b"%",
    ]
    for data in corpus:
        for _ in range(12):
            start = generator.randrange(len(data))
            parts.append(data[start : start + generator.choice((1, 4, 16, 64))])
    return parts


def examine(name, n):
    @settings(max_examples=n, database=None)
    @given(inputs(name))
    def test(data):
        start = time.process_time()
        targets.run(name, data)
        assert time.process_time() - start < MOST_SECONDS

    test()


@pytest.mark.parametrize("name", targets.TARGETS)
def test_the_corpus_is_sound(name):
    """At least one input of each target is read without an error, so that fuzzing starts from the inside."""
    if name != "surrogate":  # its checksum is wrong
        targets.TARGETS[name](targets.seeds(name)[0])


@pytest.mark.parametrize("name", targets.TARGETS)
def test_a_parser(name):
    examine(name, 25)


@pytest.mark.slow
@pytest.mark.parametrize("name", targets.TARGETS)
def test_a_parser_for_long(name):
    examine(name, int(os.environ.get("ANALOGNAS_FUZZ_EXAMPLES", 2000)))
