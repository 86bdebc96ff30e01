"""The detector: planted objects come back in pixels of their own image."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from fairmot_pl.codec.decode import decode_detections
from fairmot_pl.codec.maps import STRIDE, HeadMaps
from fairmot_pl.data.images import to_unit
from fairmot_pl.inference.detector import Detector, locate
from fairmot_pl.letterbox import Letterbox
from fairmot_pl.structures import Detections

INPUT_SIZE = (96, 160)


class PlantedBoxes(nn.Module):
    """Says the same boxes (network-input pixels) for every image, with scores that fall from 0.9 by 0.2."""

    def __init__(self, boxes: np.ndarray) -> None:
        super().__init__()
        self.boxes = boxes
        self.seen: list[torch.Tensor] = []

    def forward(self, images: torch.Tensor) -> HeadMaps:
        self.seen.append(images)
        count, (height, width) = len(images), (side // STRIDE for side in images.shape[2:])
        maps = HeadMaps(*(torch.zeros(count, channels, height, width) for channels in (1, 4, 2, 8)))
        maps.heatmap.fill_(-9.0)
        for index, (left, top, right, bottom) in enumerate(np.asarray(self.boxes, np.float64) / STRIDE):
            x, y = (left + right) / 2, (top + bottom) / 2
            cell = (slice(None), slice(None), int(y), int(x))
            maps.heatmap[cell] = float(np.log((0.9 - 0.2 * index) / (0.1 + 0.2 * index)))
            maps.size[cell] = torch.tensor([x - left, y - top, right - x, bottom - y]).float()
            maps.offset[cell] = torch.tensor([x - int(x), y - int(y)]).float()
            maps.embedding[:, index, int(y), int(x)] = 5.0
        return maps


class TinyNetwork(nn.Module):
    """Maps that depend on every pixel."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.heads = nn.ModuleList(nn.Conv2d(3, channels, STRIDE, STRIDE) for channels in (1, 4, 2, 8))

    def forward(self, images: torch.Tensor) -> HeadMaps:
        return HeadMaps(*(head(images) for head in self.heads))


def random_image(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("size", [(1080, 1920), (480, 640), (96, 160), (333, 200), (40, 61), (17, 900)])
def test_planted_box_comes_back_in_image_pixels(size):
    letterbox = Letterbox(size, INPUT_SIZE)
    height, width = size
    box = np.array([[0.35 * width, 0.2 * height, 0.71 * width, 0.93 * height]])
    found = Detector(PlantedBoxes(letterbox.to_input(box)), input_size=INPUT_SIZE, device="cpu")(random_image(*size))
    np.testing.assert_allclose(found.boxes, box, atol=1e-3)
    np.testing.assert_allclose(found.scores, [0.9], atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(found.embeddings, axis=1), 1, atol=1e-6)


def test_the_network_sees_the_letterboxed_image_in_0_to_1():
    model = PlantedBoxes(np.zeros((0, 4)))
    Detector(model, input_size=INPUT_SIZE, device="cpu")(np.full((160, 160, 3), (255, 0, 51), np.uint8))
    (seen,) = model.seen
    assert seen.shape == (1, 3, *INPUT_SIZE)
    np.testing.assert_allclose(seen[0, :, 48, 80], [1.0, 0.0, 0.2], atol=1e-6)
    np.testing.assert_allclose(seen[0, :, 48, 5], 128 / 255, atol=1e-6)


def test_any_network_may_look_at_its_images_as_rows_of_planes():
    seen = []

    class Rows(TinyNetwork):
        def forward(self, images):
            seen.append(images.view(len(images), -1))
            return super().forward(images)

    image = random_image(*INPUT_SIZE)
    Detector(Rows(), input_size=INPUT_SIZE, device="cpu", precision="float32")(image)
    np.testing.assert_array_equal(seen[0][0].view(3, *INPUT_SIZE), image.transpose(2, 0, 1).astype(np.float32) / 255)


def test_threshold_and_k_limit_what_is_kept():
    boxes = np.array([[10, 10, 30, 50], [60, 20, 80, 70], [110, 30, 140, 90]], np.float64)
    image = random_image(*INPUT_SIZE)

    def scores(**options) -> list[float]:
        return Detector(PlantedBoxes(boxes), input_size=INPUT_SIZE, device="cpu", **options)(image).scores.tolist()

    assert scores(score_threshold=0.4) == pytest.approx([0.9, 0.7, 0.5])
    assert scores(score_threshold=0.6) == pytest.approx([0.9, 0.7])
    assert scores(score_threshold=0.4, k=1) == pytest.approx([0.9])
    assert scores(score_threshold=0.95) == []


def test_batch_equals_single_for_images_of_different_sizes():
    detector = Detector(TinyNetwork(), input_size=INPUT_SIZE, score_threshold=0.0, device="cpu", k=20)
    images = [random_image(*size, seed) for seed, size in enumerate([(120, 200), (300, 90), (96, 160)])]
    together = detector.batch(images)
    assert all(len(found) == 20 for found in together)
    for image, batched in zip(images, together, strict=True):
        alone = detector(image)
        assert len(alone) == len(batched)
        for name in ("boxes", "scores", "embeddings", "classes"):
            np.testing.assert_allclose(getattr(alone, name), getattr(batched, name), atol=1e-4, err_msg=name)


def test_no_images_no_detections():
    assert Detector(TinyNetwork(), input_size=INPUT_SIZE, device="cpu").batch([]) == []


def test_the_model_is_put_into_eval_mode_and_leaves_no_graph():
    model = TinyNetwork().train()
    found = Detector(model, input_size=INPUT_SIZE, device="cpu")(random_image(64, 64))
    assert not model.training
    assert isinstance(found.boxes, np.ndarray)
    assert found.boxes.dtype == np.float32


def test_embeddings_are_read_where_any_network_says_they_were_learned():
    model, image = TinyNetwork(), random_image(96, 160)
    detector = Detector(model, input_size=INPUT_SIZE, score_threshold=0.0, device="cpu", k=20)
    prepared = detector.prepare([image])
    at_centres = detector(image).embeddings
    model.reid_sampling = "roi_align"
    with torch.no_grad():
        maps = model(to_unit(prepared.planes))
    (wanted,) = decode_detections(maps, k=20, reid_sampling="roi_align")
    over_boxes = detector(image).embeddings
    np.testing.assert_allclose(over_boxes, wanted.embeddings, atol=1e-6)
    assert np.abs(over_boxes - at_centres).max() > 0.01


def test_by_default_the_input_is_the_papers():
    assert Detector(TinyNetwork(), device="cpu").input_size == (608, 1088)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_lower_precision_finds_nearly_the_same(precision):
    image = random_image(120, 200)
    exact, rough = (
        Detector(TinyNetwork(), input_size=INPUT_SIZE, score_threshold=0.0, device="cpu", precision=name, k=50)(image)
        for name in ("float32", precision)
    )
    assert rough.boxes.dtype == np.float32
    np.testing.assert_allclose(exact.scores, rough.scores, atol=0.02)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input_size": (600, 1088)}, r"input_size is \(600, 1088\).*multiples of 32"),
        ({"input_size": (608,)}, r"input_size is \(608,\).*\(height, width\)"),
        ({"input_size": (0, 1088)}, r"input_size is \(0, 1088\).*positive"),
        ({"input_size": (608, 1088.5)}, "input_size is .*1088.5"),
        ({"score_threshold": 1.2}, "score_threshold is 1.2; allowed: 0 to 1"),
        ({"score_threshold": float("nan")}, "score_threshold is nan"),
        ({"k": 0}, "k is 0; at least 1"),
        ({"device": "gpu"}, "device is 'gpu'; allowed: 'auto', 'cpu'"),
        ({"device": "cuda:99"}, "device is 'cuda:99', but torch sees"),
        ({"compile": True}, "compile is for a FairMOT, this is a TinyNetwork"),
        ({"precision": "half"}, "precision is 'half'; allowed: 'auto', 'float32', 'bfloat16', 'float16'"),
    ],
)
def test_senseless_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Detector(TinyNetwork(), **options)


@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        (np.zeros((4, 4, 3), np.float32), TypeError, "image 1 has dtype float32;.*uint8 RGB"),
        (torch.zeros(3, 4, 4), TypeError, "image 1 is of type Tensor"),
        ("frame.jpg", TypeError, "image 1 is of type str"),
        (np.zeros((4, 4), np.uint8), ValueError, r"image 1 has shape \(4, 4\)"),
        (np.zeros((3, 4, 4), np.uint8), ValueError, r"image 1 has shape \(3, 4, 4\)"),
        (np.zeros((4, 4, 4), np.uint8), ValueError, r"image 1 has shape \(4, 4, 4\)"),
        (np.zeros((0, 4, 3), np.uint8), ValueError, r"image 1 has shape \(0, 4, 3\)"),
    ],
)
def test_what_is_no_image_is_refused_by_its_position(image, error, message):
    detector = Detector(TinyNetwork(), input_size=INPUT_SIZE, device="cpu")
    with pytest.raises(error, match=message):
        detector.batch([random_image(8, 8), image])


def test_locate_is_the_inverse_of_the_letterbox():
    letterbox = Letterbox((1080, 1920), (608, 1088))
    boxes = np.array([[-20.0, 5.0, 100.0, 900.0], [1800.0, 900.0, 1990.0, 1200.0]])
    seen = Detections(
        boxes=letterbox.to_input(boxes),
        scores=np.array([0.9, 0.8]),
        embeddings=np.eye(2),
        classes=np.array([0, 1]),
    )
    found = locate(seen, letterbox)
    np.testing.assert_allclose(found.boxes, boxes, atol=1e-3)
    assert found.scores is seen.scores
    assert len(locate(Detections.empty(4), letterbox)) == 0
