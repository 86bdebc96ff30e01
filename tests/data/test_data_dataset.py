from __future__ import annotations

import dataclasses
import pickle

import cv2
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from fairmot_pl.data.augment import Augmentation
from fairmot_pl.data.dataset import TrainingSample, TrainingSamples, collate_samples
from fairmot_pl.data.frames import SequenceFrames, collate_frames
from fairmot_pl.data.identities import IdentityIndex
from fairmot_pl.data.images import letterbox_pixels, read_image, to_planes
from fairmot_pl.data.sampling import EpochSampler
from fairmot_pl.data.sources import DataSource, read_sources
from fairmot_pl.data.workers import prepare_worker
from fairmot_pl.letterbox import Letterbox

INPUT = (64, 96)


def read(tmp_path, **more) -> list[DataSource]:
    return read_sources({"people": {"format": "mot", "path": "set", **more}}, tmp_path)


def samples(sources: list[DataSource], *, plain: bool = False, **options) -> TrainingSamples:
    augmentation = Augmentation.none(INPUT) if plain else Augmentation(input_size=INPUT)
    index = IdentityIndex.build((source.name, source.sequences) for source in sources)
    return TrainingSamples(sources, index, augmentation=augmentation, max_objects=8, **options)


def assert_same(first: TrainingSample, second: TrainingSample) -> None:
    torch.testing.assert_close(first[:2], second[:2], rtol=0, atol=0)
    assert first.broken == second.broken


def batches(dataset: TrainingSamples, workers: int, **order: int) -> list[TrainingSample]:
    """Batches of three as a training's loader makes them."""
    loader = DataLoader(
        dataset,
        batch_size=3,
        sampler=EpochSampler(len(dataset), shuffle=True, **order),
        num_workers=workers,
        worker_init_fn=prepare_worker,
        collate_fn=collate_samples,
    )
    return list(loader)


def test_a_sample_is_an_image_and_its_targets(make_sequence, tmp_path):
    make_sequence()
    folder = make_sequence("MOT17-04-SDP")
    dataset = samples(read(tmp_path), plain=True)
    assert len(dataset) == 8
    image, targets, broken = dataset[0, 6]
    assert not broken
    letterbox = Letterbox((48, 80), INPUT)
    pixels = letterbox_pixels(read_image(folder / "img1" / "000003.jpg"), letterbox)
    torch.testing.assert_close(image, to_planes(pixels))
    assert targets.mask.tolist() == [1, 1, 0, 0, 0, 0, 0, 0]
    assert targets.identity[:2].tolist() == [2, 3]  # two people in each of two sequences
    # gt: frame 3, tlwh (3, 5, 12, 30) and (-6, 3, 20.5, 41), the latter reaching outside
    full = targets.size[:2, :2] + targets.size[:2, 2:]
    np.testing.assert_allclose(full, np.array([[12, 30], [20.5, 41]]) * letterbox.ratio / 4, rtol=1e-5)


def test_an_image_without_people_is_a_sample(make_sequence, tmp_path):
    make_sequence(rows=["2,1,5,5,20,20,1,1,1"])
    dataset = samples(read(tmp_path))
    targets = dataset[0, 0].targets
    assert targets.mask.sum() == 0
    assert targets.cells == 0


def test_an_index_alone_is_epoch_zero(make_sequence, tmp_path):
    make_sequence()
    dataset = samples(read(tmp_path))
    assert_same(dataset[1], dataset[0, 1])
    assert (dataset[1, 1].image != dataset[0, 1].image).any()
    assert (samples(read(tmp_path), seed=1)[0, 1].image != dataset[0, 1].image).any()


def test_it_travels_to_freshly_started_workers(make_sequence, tmp_path):
    make_sequence(frames=1)
    dataset = samples(read(tmp_path))
    assert_same(pickle.loads(pickle.dumps(dataset))[2, 0], dataset[2, 0])


@pytest.mark.parametrize("encoding", ["ltrb", "wh"])
def test_workers_do_not_change_a_sample(make_sequence, tmp_path, encoding):
    make_sequence(frames=7)
    dataset = samples(read(tmp_path), box_encoding=encoding)
    runs = [batches(dataset, workers, seed=4, start_epoch=3) for workers in (0, 2)]
    assert [len(batch.image) for batch in runs[0]] == [3, 3, 1]
    for pair in zip(*runs, strict=True):
        assert_same(*pair)
    assert type(runs[0][0].targets).__name__ == "ObjectTargets"


def test_clipping_belongs_to_a_data_set(make_sequence, tmp_path):
    make_sequence()
    whole, cut = (samples(read(tmp_path, clip_boxes=clip), plain=True)[0, 0].targets for clip in (False, True))
    assert cut.size[1].sum() < whole.size[1].sum() - 0.1


HARMS = [
    (None, "000002.jpg: no such image file"),
    (b"nothing", "000002.jpg: not a readable image"),
    ((20, 30), "000002.jpg: is 30 x 20 pixels, its annotation is made for 80 x 48"),
]


def harm(path, broken):
    if broken is None:
        path.unlink()
    elif isinstance(broken, bytes):
        path.write_bytes(broken)
    else:
        cv2.imwrite(str(path), np.zeros((*broken, 3), np.uint8))


@pytest.mark.parametrize(("broken", "message"), HARMS)
def test_a_broken_image_is_named_and_another_takes_its_place(make_sequence, tmp_path, broken, message):
    path = make_sequence() / "img1" / "000002.jpg"
    sources = read(tmp_path)
    dataset = samples(sources)
    frames = SequenceFrames(sources[0].sequences, input_size=INPUT)
    harm(path, broken)
    assert not dataset[0, 0].broken
    sample = dataset[5, 1]
    assert message in sample.broken
    assert sample.targets.mask.sum() == 2
    assert_same(dataset[5, 1], sample)
    assert (dataset[6, 1].image != sample.image).any()
    frame = frames[1]
    assert message in frame.broken
    assert (frame.image == 128).all()
    assert (frame.sequence, frame.frame, frame.image_size.tolist()) == (0, 2, [48, 80])
    assert (frame.people, frame.boxes.shape, frame.identities.shape) == (0, (0, 4), (0,))  # nobody is seen in it
    batch = collate_frames([frames[0], frame, frames[0]])
    assert (batch.people.tolist(), len(batch.boxes)) == ([2, 0, 2], 4)


def test_workers_replace_a_broken_image_alike(make_sequence, tmp_path):
    path = make_sequence(frames=7) / "img1" / "000004.jpg"
    dataset = samples(read(tmp_path))
    harm(path, b"")
    runs = [batches(dataset, workers, seed=1) for workers in (0, 2)]
    for pair in zip(*runs, strict=True):
        assert_same(*pair)
    assert [len(batch.image) for batch in runs[0]] == [3, 3, 1]
    named = [reason for batch in runs[0] for reason in batch.broken if reason]
    assert len(named) == 1
    assert "000004.jpg" in named[0]


def test_where_nothing_can_be_read_something_else_is_wrong(make_sequence, tmp_path):
    folder = make_sequence(frames=2)
    dataset = samples(read(tmp_path))
    for path in (folder / "img1").iterdir():
        path.unlink()
    with pytest.raises(ValueError, match=r"000001.jpg: no such image file; nor could 20 other images be read"):
        dataset[0, 0]


@pytest.mark.parametrize("worst", [-2, 2, 7])
def test_no_identity_out_of_range_reaches_the_loss(make_sequence, tmp_path, worst):
    make_sequence(frames=1)

    class Wrong(IdentityIndex):
        def lookup(self, dataset, sequence, ids, *, strict=True):
            return np.where(ids == 7, worst, super().lookup(dataset, sequence, ids, strict=strict))

    (source,) = read(tmp_path)
    index = Wrong.build([(source.name, source.sequences)])
    with pytest.raises(ValueError, match=rf"identities reach from .*{worst}.*the network has outputs for 0 to 1"):
        TrainingSamples([source], index, augmentation=Augmentation(input_size=INPUT))


def test_no_object_class_out_of_range_either(make_sequence, tmp_path):
    make_sequence(frames=1)
    (source,) = read(tmp_path)
    (sequence,) = source.sequences
    frames = tuple(dataclasses.replace(frame, classes=frame.classes + 1) for frame in sequence.frames)
    wrong = dataclasses.replace(source, sequences=(dataclasses.replace(sequence, frames=frames),))
    assert len(samples([wrong], num_classes=2)) == 1
    with pytest.raises(ValueError, match="object classes reach from 1 to 1, the network has outputs for 0 to 0"):
        samples([wrong])


def test_settings_that_cannot_train_are_refused(make_sequence, tmp_path):
    make_sequence()
    sources = read(tmp_path)
    index = IdentityIndex.build([("people", sources[0].sequences)])
    with pytest.raises(ValueError, match=r"input_size is \(60, 96\).*multiples of 32"):
        TrainingSamples(sources, index, augmentation=Augmentation(input_size=(60, 96)))
    with pytest.raises(ValueError, match="box_encoding is 'xywh'"):
        TrainingSamples(sources, index, augmentation=Augmentation(), box_encoding="xywh")
    with pytest.raises(ValueError, match="the data sets hold no image"):
        TrainingSamples([], index, augmentation=Augmentation())
    with pytest.raises(ValueError, match="id 1 of sequence 'MOT17-02-SDP' in data set 'people' is not in"):
        TrainingSamples(sources, IdentityIndex.build([]), augmentation=Augmentation())
