"""Frames of reference and the way between them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairmot_pl.letterbox import Letterbox

side = st.integers(1, 4000)


@given(side, side, side, side)
def test_to_image_undoes_to_input(height, width, input_height, input_width):
    letterbox = Letterbox((height, width), (input_height, input_width))
    boxes = np.array([[-50.0, 3.5, 12.25, 99.0], [0, 0, width, height]])
    np.testing.assert_allclose(letterbox.to_image(letterbox.to_input(boxes)), boxes, rtol=1e-9, atol=1e-6)


@given(side, side, side, side)
def test_the_image_fits_and_touches(height, width, input_height, input_width):
    letterbox = Letterbox((height, width), (input_height, input_width))
    left, top, right, bottom = letterbox.to_input(np.array([[0.0, 0, width, height]]))[0]
    assert min(left, top) >= -1e-6
    assert right <= input_width + 1e-6
    assert bottom <= input_height + 1e-6
    assert min(left, top) == pytest.approx(0, abs=1e-6)
    placed_top, placed_left, placed_height, placed_width = letterbox.placement
    assert placed_height <= max(input_height, 1)
    assert placed_width <= max(input_width, 1)
    assert abs(placed_left - left) <= 1
    assert abs(placed_top - top) <= 1


def test_full_hd_by_hand():
    letterbox = Letterbox((1080, 1920), (608, 1088))
    assert letterbox.ratio == pytest.approx(608 / 1080)
    assert letterbox.padding == (pytest.approx((1088 - 1920 * 608 / 1080) / 2), 0.0)
    assert letterbox.placement == (0, 3, 608, 1081)


@pytest.mark.parametrize("size", ["1920x1080", "640x480"])
def test_back_projection_is_the_references(golden, size):
    data = np.load(golden("decode.npz"))
    image_wh, net_wh = data[f"pp_{size}__image_wh"], data[f"pp_{size}__net_wh"]
    letterbox = Letterbox(tuple(image_wh[::-1].tolist()), tuple(net_wh[::-1].tolist()))
    cells = data[f"pp_{size}__dets"][0, :, :4].astype(np.float64)
    np.testing.assert_allclose(letterbox.to_image(cells * 4), data[f"pp_{size}__result"][:, :4], atol=2e-3)
    middle = np.append(net_wh / 2, net_wh / 2)[None]
    np.testing.assert_allclose(letterbox.to_image(middle)[0, :2], data[f"pp_{size}__center"])
    # the reference's scale is how many image pixels the input is wide, or would be at the input's shape
    assert net_wh[0] / letterbox.ratio == pytest.approx(float(data[f"pp_{size}__scale"]))


@pytest.mark.parametrize("name", ["lb_hd", "lb_480x640", "lb_tall"])
def test_ratio_and_padding_are_the_references(golden, name):
    data = np.load(golden("preprocess.npz"))
    size, net = (tuple(data[f"{name}__{part}"].tolist()) for part in ("src_hw", "net_hw"))
    letterbox = Letterbox(size, net)
    assert letterbox.ratio == float(data[f"{name}__ratio"])
    top, left, height, width = letterbox.placement
    half_left, half_top = (float(data[f"{name}__{part}"]) for part in ("dw", "dh"))
    assert (height, width) == (net[0] - 2 * half_top, net[1] - 2 * half_left)
    assert (top, left) == (round(half_top - 0.1), round(half_left - 0.1))
    rows, columns = (np.flatnonzero(~data[f"{name}__{line}_is_border"]) for line in ("row", "col"))
    assert (rows[0], rows[-1] + 1, columns[0], columns[-1] + 1) == (top, top + height, left, left + width)
    # ours is not rounded: at most half a pixel apart (docs/decisions/0001)
    np.testing.assert_allclose(letterbox.padding, (half_left, half_top), atol=0.5)


@pytest.mark.parametrize("sizes", [((0, 10), (32, 32)), ((10, 10), (32, -1))])
def test_sides_must_be_positive(sizes):
    with pytest.raises(ValueError, match="both sides must be positive"):
        Letterbox(*sizes)
