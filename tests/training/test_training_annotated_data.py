"""What is read for training and validation, when, and what is refused."""

from __future__ import annotations

import pytest

from fairmot_pl.data.synthetic import render_dataset
from fairmot_pl.training.annotated_data import AnnotatedData

MOT = {"format": "mot", "path": "."}
TRAIN, VAL = {"a": {**MOT, "sequences": ["SYN-01"]}}, {"b": {**MOT, "sequences": ["SYN-02"]}}
WORLD = {"train": 1, "val": 1, "frames": 2, "people": 2, "image_size": (64, 96)}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("annotated")
    render_dataset(folder, **{**WORLD, "train": 2, "val": 0})
    return folder


def data(root, **more) -> AnnotatedData:
    return AnnotatedData(**{"root": str(root), "train": TRAIN, "val": VAL, **more})


def names(sequences) -> list[str]:
    return [sequence.name for sequence in sequences]


def people(sequences) -> int:
    return sum(len({person for frame in sequence.frames for person in frame.identities}) for sequence in sequences)


def test_training_sets_are_read_to_fit_alone_and_everything_once(root):
    read = data(root)
    read.setup("validate")
    assert (names(read.train_sequences), names(read.val_sequences)) == ([], ["SYN-02"])
    assert read.identities.num_identities == 0
    read.setup("fit")
    sets, whole = (read.train_sets, read.val_sets), read.identities
    assert names(read.train_sequences) == ["SYN-01"]
    assert whole.num_identities == people(read.train_sequences) > 0
    read.setup("fit")
    assert all(one is other for one, other in zip(sets, (read.train_sets, read.val_sets), strict=True))
    assert read.identities is whole


def test_there_may_be_no_validation(root):
    read = data(root, val=None)
    read.setup("fit")
    assert read.val_sequences == []


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"train": {}}, "nothing to train on"),
        ({"num_classes": 0}, "data set 'a' has objects of class 0"),
        ({"val": {"b": MOT, "c": MOT}}, "must have different names; more than once: SYN-01, SYN-02"),
    ],
)
def test_what_is_refused_is_refused_again(root, more, message):
    read = data(root, **more)
    for _ in range(2):
        with pytest.raises(ValueError, match=message):
            read.setup("fit")


def test_an_unknown_numbering_is_refused_before_anything_is_read():
    with pytest.raises(ValueError, match="identity_numbering is 'sparse'"):
        data("nowhere", identity_numbering="sparse")


def test_a_world_is_rendered_into_a_folder_of_its_own(tmp_path):
    of_world = {"train": {"a": {**MOT, "path": "train"}}, "val": {"b": {**MOT, "path": "val"}}, "synthetic": WORLD}
    read = data(tmp_path, **of_world)
    assert read.root.parent == tmp_path
    assert not read.root.exists()
    read.prepare_data()
    read.setup("fit")
    assert [len(read.train_sequences), len(read.val_sequences)] == [1, 1]
    assert data(tmp_path, **{**of_world, "synthetic": {**WORLD, "people": 3}}).root != read.root


def test_a_run_goes_on_with_the_people_it_began_with(root):
    read, other = data(root), data(root, train={"a": MOT}, val=None)
    read.setup("fit")
    other.setup("fit")
    read.load_state_dict(read.state_dict())
    then, now = people(other.train_sequences), people(read.train_sequences)
    assert then > now
    with pytest.raises(ValueError, match=rf"trained on {then} identities, data.root=.* now gives {now} or other ones"):
        read.load_state_dict(other.state_dict())
    data(root).load_state_dict(other.state_dict())  # to validate, nobody needs to be known
