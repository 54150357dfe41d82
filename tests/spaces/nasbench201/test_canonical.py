import numpy as np

from analognas.spaces.nasbench201 import EDGES


def scalar_functions(seed):
    """Stand-ins for the operations: different odd functions, none of the last three linear."""
    a, b, c = np.random.default_rng(seed).uniform(0.5, 2, 3)
    return [
        lambda x: x,
        np.zeros_like,
        lambda x: np.sin(a * x),
        lambda x: np.tanh(b * x),
        lambda x: c * x / (1 + np.abs(x)),
    ]


def value(cell, x, functions):
    nodes = [x]
    for target in (1, 2, 3):
        nodes.append(
            sum(
                functions[op](nodes[s])
                for op, (s, t) in zip(cell, EDGES, strict=True)
                if t == target
            )
        )
    return nodes[3]


def test_number_of_classes_and_agreement_with_published_ids(space, shared, every_cell):
    published = np.load(shared / "data" / "nb201_core.npz", allow_pickle=False)["unique_id"]
    ours = space.isomorphism_class(space.from_indices(np.arange(15_625)))
    assert len(np.unique(ours)) == 6466
    # The same partition: every pair (ours, theirs) occurs with one partner only.
    assert (
        len(set(zip(ours.tolist(), published.tolist(), strict=True)))
        == 6466
        == len(set(published.tolist()))
    )


def test_classes_are_numbered_by_first_appearance(space, every_cell):
    classes = space.isomorphism_class(every_cell)
    _, first = np.unique(classes, return_index=True)
    assert (np.diff(first) > 0).all()


def test_class_and_form_agree(space, every_cell):
    classes = space.isomorphism_class(every_cell)
    forms = {}
    for row, number in zip(every_cell[::7], classes[::7], strict=True):
        assert forms.setdefault(space.canonical_form(row), number) == number
    assert len(set(forms.values())) == len(forms)


def test_cells_of_one_class_compute_the_same(space, every_cell):
    x = np.linspace(-2, 2, 9)
    classes = space.isomorphism_class(every_cell)
    functions = scalar_functions(0)
    values = np.array([value(cell, x, functions) for cell in every_cell.tolist()])
    first = np.unique(classes, return_index=True)[1]
    np.testing.assert_allclose(values, values[first[classes]], rtol=1e-12, atol=1e-12)
    # Cells of different classes do differ, most of them: the rule merges too little, never too much.
    assert len(np.unique(values.round(9), axis=0)) > 4500


def test_zero_cells(space, every_cell):
    alive = space.reaches_output(every_cell)
    functions = scalar_functions(1)
    x = np.linspace(0.3, 2, 5)
    values = np.array([value(cell, x, functions) for cell in every_cell.tolist()])
    # With these operations the output is zero exactly where no path leads to it.
    np.testing.assert_array_equal(alive, (values != 0).any(axis=1))
    assert (~alive).sum() == 341
