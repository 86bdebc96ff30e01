from __future__ import annotations

import pickle

import cv2
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from fairmot_pl.data.augment import Augmentation
from fairmot_pl.data.dataset import SequenceFrames, TrainingSamples, prepare_worker
from fairmot_pl.data.identities import IdentityIndex
from fairmot_pl.data.images import letterbox_pixels, read_image, to_tensor
from fairmot_pl.data.sampling import EpochSampler
from fairmot_pl.data.sources import DataSource, read_sources
from fairmot_pl.letterbox import Letterbox

INPUT = (64, 96)


def read(tmp_path, **more) -> list[DataSource]:
    return read_sources({"people": {"format": "mot", "path": "set", **more}}, tmp_path)


def samples(sources: list[DataSource], *, plain: bool = False, **options) -> TrainingSamples:
    augmentation = Augmentation.none(INPUT) if plain else Augmentation(input_size=INPUT)
    index = IdentityIndex.build((source.name, source.sequences) for source in sources)
    return TrainingSamples(sources, index, augmentation=augmentation, max_objects=8, **options)


def test_a_sample_is_an_image_and_its_targets(make_sequence, tmp_path):
    make_sequence()
    folder = make_sequence("MOT17-04-SDP")
    dataset = samples(read(tmp_path), plain=True)
    assert len(dataset) == 8
    image, targets = dataset[0, 6]
    letterbox = Letterbox((48, 80), INPUT)
    pixels = letterbox_pixels(read_image(folder / "img1" / "000003.jpg"), letterbox)
    torch.testing.assert_close(image, to_tensor(pixels))
    assert targets.heatmap.shape == (1, 16, 24)
    assert targets.mask.tolist() == [1, 1, 0, 0, 0, 0, 0, 0]
    assert targets.identity[:2].tolist() == [2, 3]  # two people in each of two sequences
    # gt: frame 3, tlwh (3, 5, 12, 30) and (-6, 3, 20.5, 41), the latter reaching outside
    full = targets.size[:2, :2] + targets.size[:2, 2:]
    np.testing.assert_allclose(full, np.array([[12, 30], [20.5, 41]]) * letterbox.ratio / 4, rtol=1e-5)


def test_an_image_without_people_is_a_sample(make_sequence, tmp_path):
    make_sequence(rows=["2,1,5,5,20,20,1,1,1"])
    dataset = samples(read(tmp_path))
    _, targets = dataset[0, 0]
    assert targets.mask.sum() == 0
    assert targets.heatmap.max() == 0


def test_an_index_alone_is_epoch_zero(make_sequence, tmp_path):
    make_sequence()
    dataset = samples(read(tmp_path))
    torch.testing.assert_close(dataset[1], dataset[0, 1], rtol=0, atol=0)
    assert (dataset[1, 1][0] != dataset[0, 1][0]).any()
    assert (samples(read(tmp_path), seed=1)[0, 1][0] != dataset[0, 1][0]).any()


def test_it_travels_to_freshly_started_workers(make_sequence, tmp_path):
    make_sequence(frames=1)
    dataset = samples(read(tmp_path))
    torch.testing.assert_close(pickle.loads(pickle.dumps(dataset))[2, 0], dataset[2, 0], rtol=0, atol=0)


@pytest.mark.parametrize("encoding", ["ltrb", "wh"])
def test_workers_do_not_change_a_sample(make_sequence, tmp_path, encoding):
    make_sequence(frames=7)
    dataset = samples(read(tmp_path), box_encoding=encoding)
    runs = []
    for workers in (0, 2):
        sampler = EpochSampler(len(dataset), shuffle=True, seed=4, start_epoch=3)
        loader = DataLoader(dataset, batch_size=3, sampler=sampler, num_workers=workers, worker_init_fn=prepare_worker)
        runs.append(list(loader))
    assert [len(image) for image, _ in runs[0]] == [3, 3, 1]
    torch.testing.assert_close(runs[0], runs[1], rtol=0, atol=0)
    assert type(runs[0][0][1]).__name__ == "Targets"


def test_clipping_belongs_to_a_data_set(make_sequence, tmp_path):
    make_sequence()
    whole, cut = (samples(read(tmp_path, clip_boxes=clip), plain=True)[0, 0][1] for clip in (False, True))
    assert cut.size[1].sum() < whole.size[1].sum() - 0.1


@pytest.mark.parametrize(
    ("broken", "error", "message"),
    [
        (None, FileNotFoundError, "000002.jpg: no such image file"),
        (b"nothing", ValueError, "000002.jpg: not a readable image"),
        ((20, 30), ValueError, r"000002.jpg: is 30 x 20 pixels, its annotation is made for 80 x 48"),
    ],
)
def test_an_image_that_does_not_fit_names_its_file(make_sequence, tmp_path, broken, error, message):
    path = make_sequence() / "img1" / "000002.jpg"
    sources = read(tmp_path)
    dataset = samples(sources)
    frames = SequenceFrames(sources[0].sequences, input_size=INPUT)
    if broken is None:
        path.unlink()
    elif isinstance(broken, bytes):
        path.write_bytes(broken)
    else:
        cv2.imwrite(str(path), np.zeros((*broken, 3), np.uint8))
    dataset[0, 0]
    with pytest.raises(error, match=message):
        dataset[0, 1]
    with pytest.raises(error, match=message):
        frames[1]


def test_settings_that_cannot_train_are_refused(make_sequence, tmp_path):
    make_sequence()
    sources = read(tmp_path)
    index = IdentityIndex.build([("people", sources[0].sequences)])
    with pytest.raises(ValueError, match=r"input_size is \(60, 96\); height and width must be multiples of 32"):
        TrainingSamples(sources, index, augmentation=Augmentation(input_size=(60, 96)))
    with pytest.raises(ValueError, match="box_encoding is 'xywh'"):
        TrainingSamples(sources, index, augmentation=Augmentation(), box_encoding="xywh")
    with pytest.raises(ValueError, match="the data sets hold no image"):
        TrainingSamples([], index, augmentation=Augmentation())
    with pytest.raises(ValueError, match="id 1 of sequence 'MOT17-02-SDP' in data set 'people' is not in"):
        TrainingSamples(sources, IdentityIndex.build([]), augmentation=Augmentation())
    with pytest.raises(ValueError, match=r"input_size is \(64, 0\)"):
        SequenceFrames(sources[0].sequences, input_size=(64, 0))


def test_frames_come_in_order_and_collate(make_sequence, tmp_path):
    make_sequence(frames=2)
    make_sequence("MOT17-04-SDP", frames=3)
    sequences = read(tmp_path, split="second_half")[0].sequences
    frames = SequenceFrames(sequences, input_size=INPUT)
    (batch,) = DataLoader(frames, batch_size=5)
    assert batch.sequence.tolist() == [0, 1, 1]
    assert batch.frame.tolist() == [2, 2, 3]
    assert batch.image_size.tolist() == [[48, 80]] * 3
    assert batch.image.shape == (3, 3, *INPUT)
    expected = letterbox_pixels(read_image(sequences[1].frames[1].image_path), Letterbox((48, 80), INPUT))
    torch.testing.assert_close(batch.image[2], to_tensor(expected))
