"""Trunks from timm, and what happens where their weights are out of reach. No test here touches a network."""

from __future__ import annotations

import io
import logging
import ssl
import time
from collections.abc import Callable
from email.message import Message
from http.client import BadStatusLine
from pathlib import Path
from types import SimpleNamespace
from urllib.error import HTTPError, URLError

import pytest
import timm
import torch

from fairmot_pl.models import backbone as backbone_module
from fairmot_pl.models import pretrained
from fairmot_pl.models.backbone import STRIDES, build_backbone

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@pytest.mark.parametrize(
    ("name", "channels"),
    [
        ("dla34", (64, 128, 256, 512)),
        ("dla46_c", (64, 64, 128, 256)),
        ("resnet18", (64, 128, 256, 512)),
        ("resnet18.a1_in1k", (64, 128, 256, 512)),  # with a weight tag
        ("mobilenetv4_conv_small", (32, 64, 96, 960)),
        ("convnext_atto", (40, 80, 160, 320)),  # starts at stride 4
        ("mambaout_femto", (48, 96, 192, 288)),  # channels last
        ("yolov5s", (64, 128, 256, 512)),  # ours
        ("swin_tiny_patch4_window7_224", (96, 192, 384, 768)),  # made for 224 x 224, but takes any size
    ],
)
def test_maps_of_strides_4_to_32(name: str, channels: tuple[int, ...]) -> None:
    backbone = build_backbone(name)
    assert backbone.channels == channels
    maps = backbone(torch.rand(2, 3, 64, 96))
    shapes = [(2, width, 64 // stride, 96 // stride) for width, stride in zip(channels, STRIDES, strict=True)]
    assert [tuple(features.shape) for features in maps] == shapes
    sum(features.square().sum() for features in maps).backward()
    assert [key for key, parameter in backbone.named_parameters() if parameter.grad is None] == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "vit_tiny_patch16_224",
            "'vit_tiny_patch16_224' gives maps at strides 16, 16, 16; needed: 4, 8, 16, 32",
        ),
        ("DLA34", "knows no backbone 'DLA34'; nearest names: dla34"),
        ("resnet_18", "nearest names: .*resnet18"),
        ("qqqqqqqqqqqq", "knows no backbone"),
        ("resnet18.nonsense", r"knows no weights 'resnet18.nonsense'; known: .*resnet18.a1_in1k"),
        ("coatnet_nano_rw_224", "takes images of 224 x 224 only"),
    ],
)
def test_unsuitable_names(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_backbone(name)


def test_maps_of_unexpected_size() -> None:
    with pytest.raises(ValueError, match="'inception_v3' turns an image of 96 x 128 into a map of"):
        build_backbone("inception_v3")(torch.rand(1, 3, 96, 128))


def test_untrained_normalises_nothing() -> None:
    backbone = build_backbone("dla46_c")
    assert (backbone.mean, backbone.std) == ((0, 0, 0), (1, 1, 1))


def test_branches_of_hrnet_are_taken_as_they_are() -> None:
    widened, branches = build_backbone("hrnet_w18_small"), build_backbone("hrnet_w18_small", branches=True)
    assert widened.channels == (128, 256, 512, 1024)
    assert branches.channels == (16, 32, 64, 128)
    assert not any("incre_modules" in key for key in branches.state_dict())
    assert branches.network.bn1.momentum == 0.01
    assert widened.network.bn1.momentum == 0.1
    assert build_backbone("resnet18", branches=True).network.bn1.momentum == 0.1  # has no branches


def test_yolov5s_is_a_feature_network_only() -> None:
    assert timm.is_model("yolov5s")
    with pytest.raises(TypeError, match="feature network only"):
        timm.create_model("yolov5s")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., object]], None]:
    """An empty cache, and a host that answers as told."""
    monkeypatch.setattr(pretrained.huggingface_hub, "try_to_load_from_cache", lambda *_: None)
    monkeypatch.setattr(pretrained.constants, "HF_HUB_OFFLINE", False)

    def answer(respond: Callable[..., object]) -> None:
        monkeypatch.setattr(pretrained, "urlopen", respond)

    return answer


def fail(error: Exception) -> Callable[..., object]:
    def respond(*_: object, **__: object) -> object:
        raise error

    return respond


def http_error(code: int) -> HTTPError:
    return HTTPError("https://host/file", code, "reason", Message(), io.BytesIO())


SOURCE = SimpleNamespace(hf_hub_id="owner/name", hf_hub_filename=None, url="", custom_load=False)


@pytest.mark.parametrize(
    ("respond", "reason"),
    [
        (fail(URLError("Name or service not known")), "Name or service not known"),
        (fail(TimeoutError("timed out")), "timed out"),
        (fail(ConnectionResetError("reset by peer")), "reset by peer"),
        (fail(BadStatusLine("junk")), "junk"),
        (fail(http_error(503)), "503"),
        (fail(http_error(429)), "429"),
        (fail(http_error(404)), None),  # the weights may have another file name
        (fail(http_error(401)), None),  # the hub's client may know a token
        (fail(URLError(ssl.SSLError("self-signed"))), None),  # the hub's client may trust it
        (lambda *_, **__: io.BytesIO(), None),
    ],
)
def test_what_counts_as_unreachable(
    respond: Callable[..., object], reason: str | None, hub: Callable[..., None]
) -> None:
    hub(respond)
    told = pretrained.why_unreachable(SOURCE)
    assert told is None if reason is None else reason in (told or "")


def test_a_silent_host_is_given_up_in_time(hub: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:

    def silent(*_: object, **__: object) -> object:  # such as a name server that drops questions
        time.sleep(1)
        return io.BytesIO()

    hub(silent)
    monkeypatch.setattr(pretrained, "PATIENCE", 0.05)
    started = time.monotonic()
    assert "did not answer within 0.05 s" in (pretrained.why_unreachable(SOURCE) or "")
    assert time.monotonic() - started < 0.9


@pytest.mark.parametrize(
    ("source", "offline", "reason"),
    [
        (SOURCE, True, "HF_HUB_OFFLINE"),
        (
            SimpleNamespace(hf_hub_id=None, hf_hub_filename=None, url="", custom_load=False),
            False,
            "publishes none",
        ),
    ],
)
def test_no_question_is_asked_in_vain(
    source: object, offline: bool, reason: str, hub: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub(fail(AssertionError("asked")))
    monkeypatch.setattr(pretrained.constants, "HF_HUB_OFFLINE", offline)
    assert reason in (pretrained.why_unreachable(source) or "")


def test_unreachable_weights_are_one_warning(hub: Callable[..., None], caplog: pytest.LogCaptureFixture) -> None:
    hub(fail(URLError("no route to host")))
    with caplog.at_level(logging.INFO):
        backbone = build_backbone("dla46_c", pretrained=True)
    (record,) = caplog.records
    message = record.getMessage()
    assert record.levelno == logging.WARNING
    assert record.exc_info is None
    assert "\n" not in message
    for part in ("'dla46_c'", "no route to host", "random backbone weights"):
        assert part in message
    assert (backbone.mean, backbone.std) == ((0, 0, 0), (1, 1, 1))


def test_a_failing_download_is_one_warning(
    hub: Callable[..., None], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub(lambda *_, **__: io.BytesIO())
    create = timm.create_model

    def interrupted(name: str, **options: object) -> torch.nn.Module:
        if options.get("pretrained"):
            raise OSError("connection broken\nand a second line")
        return create(name, **options)

    monkeypatch.setattr(backbone_module.timm, "create_model", interrupted)
    build_backbone("dla46_c", pretrained=True)
    (record,) = caplog.records
    assert "OSError: connection broken)" in record.getMessage()


def test_cached_weights_are_read_without_a_question(
    hub: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    hub(fail(AssertionError("asked")))
    trained = timm.create_model("dla46_c", pretrained=False)
    file = tmp_path / "pytorch_model.bin"
    torch.save(trained.state_dict(), file)
    monkeypatch.setattr(
        pretrained.huggingface_hub,
        "try_to_load_from_cache",
        lambda _, name: str(file) if name == file.name else None,
    )
    backbone = build_backbone("dla46_c", pretrained=True)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert torch.equal(backbone.network.base_layer[0].weight, trained.base_layer[0].weight)
    assert torch.equal(backbone.network.level5.root.conv.weight, trained.level5.root.conv.weight)
    assert backbone.mean == pytest.approx(IMAGENET_MEAN)
    assert backbone.std == pytest.approx(IMAGENET_STD)


def test_an_unsuitable_network_is_told_before_any_download(hub: Callable[..., None]) -> None:
    hub(fail(AssertionError("asked")))
    with pytest.raises(ValueError, match="strides 16"):
        build_backbone("vit_tiny_patch16_224", pretrained=True)
