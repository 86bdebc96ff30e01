"""Where embeddings are read: positions, gradients, and the same place in training and at inference."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from fairmot_pl.codec.decode import decode_detections, embed_boxes, sight_of
from fairmot_pl.codec.maps import HeadMaps
from fairmot_pl.codec.sampling import SAMPLINGS, Objects, anchor_strides, at_positions, sample_embeddings
from fairmot_pl.codec.targets import encode_targets

HEIGHT, WIDTH = 24, 40


def position_map(batch: int = 1) -> torch.Tensor:
    """`(B, 2, h, w)`: every cell holds the x, y of its own centre, so what is read tells where."""
    y, x = torch.meshgrid(torch.arange(HEIGHT) + 0.5, torch.arange(WIDTH) + 0.5, indexing="ij")
    return torch.stack([x, y]).float().expand(batch, -1, -1, -1).clone()


def objects_of(boxes: list[list[float]], encoding: str = "ltrb") -> Objects:
    """Objects of one image from boxes in network-input pixels."""
    identities = np.arange(len(boxes))
    targets = encode_targets(np.array(boxes), identities, map_size=(HEIGHT, WIDTH), box_encoding=encoding)
    batched = type(targets)(*(tensor[None] for tensor in targets))
    return Objects.of_targets(batched, batched.mask.bool())


def place(box: list[float], sampling: str, encoding: str = "ltrb") -> list[float]:
    return sample_embeddings(position_map(), objects_of([box], encoding), sampling=sampling)[0].tolist()


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        ("center", [10.5, 7.5]),  # the middle of cell (10, 7)
        ("center_bilinear", [10.25, 7.75]),
        ("roi_align", [10.25, 7.75]),  # the mean of positions over a box is its centre
        ("pos_anchor", [11.0, 7.0]),  # stride 8: nodes at odd cells
    ],
)
@pytest.mark.parametrize("encoding", ["ltrb", "wh"])
def test_where_a_box_is_read(sampling: str, expected: list[float], encoding: str) -> None:
    box = [41 - 6, 31 - 18, 41 + 6, 31 + 18]  # centre (41, 31) px = (10.25, 7.75) cells, 12 x 36 px
    assert place(box, sampling, encoding) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("size", "stride"),
    [((9, 27), 8), ((12, 36), 8), ((32, 96), 8), ((46, 137), 16), ((128, 384), 16), ((180, 540), 32), ((900, 900), 32)],
)
def test_the_stride_of_the_best_anchor(size: tuple[int, int], stride: int) -> None:
    assert anchor_strides(torch.tensor([size], dtype=torch.float32) / 4).item() == stride


@pytest.mark.parametrize("stride", [8, 16, 32])
def test_anchors_stand_at_the_middle_of_their_cell(stride: int) -> None:
    width = {8: 12, 16: 60, 32: 250}[stride]
    for centre in ([70.0, 50.0], [1.0, 1.0], [159.0, 95.0]):
        box = [centre[0] - width / 2, centre[1] - 1.5 * width, centre[0] + width / 2, centre[1] + 1.5 * width]
        expected = [(np.floor(value / stride) + 0.5) * stride / 4 for value in np.clip(centre, 0, (156, 92))]
        assert place(box, "pos_anchor") == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_centres_outside_the_map_are_read_at_the_border(sampling: str) -> None:
    x, y = place([-60, 20, 20, 60], sampling)
    assert 0 <= x <= WIDTH
    assert 0 <= y <= HEIGHT


def test_bilinear_is_grid_sample() -> None:
    torch.manual_seed(0)
    maps = torch.randn(2, 3, HEIGHT, WIDTH)
    position = torch.rand(2, 50, 2) * torch.tensor([WIDTH + 4.0, HEIGHT + 4.0]) - 2
    grid = position / torch.tensor([WIDTH, HEIGHT]) * 2 - 1
    wanted = F.grid_sample(maps, grid[:, None], padding_mode="border", align_corners=False)[:, :, 0].transpose(1, 2)
    found = at_positions(maps, torch.arange(2).repeat_interleave(50), position.flatten(0, 1))
    torch.testing.assert_close(found, wanted.flatten(0, 1), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_gradients_reach_the_embedding_and_nothing_else(sampling: str) -> None:
    embedding = torch.randn(1, 3, HEIGHT, WIDTH, requires_grad=True)
    objects = objects_of([[20, 20, 40, 80], [60, 10, 90, 95]])
    asking = objects._replace(offset=objects.offset.requires_grad_(), size=objects.size.requires_grad_())
    sample_embeddings(embedding, asking, sampling=sampling).sum().backward()
    assert embedding.grad.sum().item() == pytest.approx(6, rel=1e-5)  # 2 objects, 3 channels, weights that add up to 1
    assert asking.offset.grad is None
    assert asking.size.grad is None


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_no_object(sampling: str) -> None:
    embedding = torch.randn(1, 3, HEIGHT, WIDTH, requires_grad=True)
    found = sample_embeddings(embedding, objects_of([[0, 0, 0, 0]]), sampling=sampling)
    assert found.shape == (0, 3)
    found.sum().backward()
    assert not embedding.grad.any()


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("encoding", ["ltrb", "wh"])
def test_training_and_inference_read_the_same_place(sampling: str, encoding: str) -> None:
    boxes = [[20.0, 13, 47, 80], [61, 7.5, 90, 90], [101, 33, 119, 82], [133, 40, 151, 99]]
    targets = encode_targets(np.array(boxes), np.arange(4), map_size=(HEIGHT, WIDTH), box_encoding=encoding)
    batched = type(targets)(*(tensor[None] for tensor in targets))
    maps = [torch.zeros(1, channels, HEIGHT * WIDTH) for channels in (targets.size.shape[1], 2)]
    for dense, slots in zip(maps, (targets.size, targets.offset), strict=True):
        dense[0][:, targets.index[:4]] = slots[:4].T
    size, offset = (dense.view(1, -1, HEIGHT, WIDTH) for dense in maps)
    heatmap = torch.logit(batched.heatmap.clamp(1e-4, 1 - 1e-4))
    torch.manual_seed(0)
    embedding = torch.randn(1, 8, HEIGHT, WIDTH)
    found = decode_detections(HeadMaps(heatmap, size, offset, embedding), score_threshold=0.99, reid_sampling=sampling)[
        0
    ]
    trained = F.normalize(
        sample_embeddings(embedding, Objects.of_targets(batched, batched.mask.bool()), sampling=sampling)
    )
    sight = sight_of(HeadMaps(heatmap, size, offset, embedding), reid_sampling=sampling)
    (annotated,) = embed_boxes(sight, [torch.tensor(boxes)], box_encoding=encoding)
    np.testing.assert_allclose(annotated, trained, atol=1e-6)
    order = np.argsort(found.boxes[:, 0])
    np.testing.assert_allclose(found.boxes[order], boxes, atol=1e-3)
    np.testing.assert_allclose(found.embeddings[order], trained, atol=1e-4)


def test_boxes_of_several_images_keep_to_their_image() -> None:
    embedding = torch.stack([torch.full((2, HEIGHT, WIDTH), 1.0), position_map()[0]])
    maps = HeadMaps(torch.zeros(2, 1, HEIGHT, WIDTH), *(torch.zeros(2, 2, HEIGHT, WIDTH) for _ in range(2)), embedding)
    box, outside = [8.0, 8, 16, 24], [-90.0, 8, -50, 24]  # whose centres are in cells (3, 4) and (0, 4)
    first, second = embed_boxes(sight_of(maps), [torch.zeros(0, 4), torch.tensor([box, outside])])
    assert first.shape == (0, 2)
    np.testing.assert_allclose(second, [[3.5, 4.5] / np.hypot(3.5, 4.5), [0.5, 4.5] / np.hypot(0.5, 4.5)], atol=1e-6)


def test_unknown_sampling() -> None:
    with pytest.raises(ValueError, match="'centre'; allowed: 'center', 'center_bilinear', 'roi_align', 'pos_anchor'"):
        sample_embeddings(position_map(), objects_of([]), sampling="centre")


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_a_box_wholly_outside_has_an_embedding(sampling: str) -> None:
    embedding = torch.ones(1, 3, HEIGHT, WIDTH)
    found = sample_embeddings(embedding, objects_of([[-90, -90, -20, -30], [400, 20, 460, 90]]), sampling=sampling)
    torch.testing.assert_close(found, torch.ones(2, 3))
