"""Whether ImageNet weights of a timm model can be had, told within seconds."""

from __future__ import annotations

import ssl
import threading
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import huggingface_hub
from huggingface_hub import constants

PATIENCE = 5.0
"""Seconds that the host of the weights has to answer. The hub's own retries last most of a minute."""

_HUB_FILES = ("model.safetensors", "pytorch_model.bin")
_OVERLOADED = (408, 429, 500, 502, 503, 504)


def cached_weights(source: Any) -> str | None:
    """Path of the weights that timm's `PretrainedCfg` names, if they are in the hub's cache already."""
    if not source.hf_hub_id or source.custom_load:
        return None
    for name in [source.hf_hub_filename] if source.hf_hub_filename else _HUB_FILES:
        path = huggingface_hub.try_to_load_from_cache(source.hf_hub_id, name)
        if isinstance(path, str):
            return path
    return None


def why_unreachable(source: Any) -> str | None:
    """Why the weights that timm's `PretrainedCfg` names cannot be downloaded; None if it is worth trying."""
    if source.hf_hub_id:
        if constants.HF_HUB_OFFLINE:
            return "HF_HUB_OFFLINE is set and they are not in the cache"
        return _probe(huggingface_hub.hf_hub_url(source.hf_hub_id, source.hf_hub_filename or _HUB_FILES[0]))
    if source.url:
        return _probe(source.url)
    return "timm publishes none"


def _probe(url: str) -> str | None:
    """One bounded request; a thread, because looking up a name knows no timeout."""
    host = urlsplit(url).netloc
    answer: list[str | None] = []
    thread = threading.Thread(target=lambda: answer.append(_ask(url, host)), daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return answer[0] if answer else f"{host} did not answer within {PATIENCE:g} s"


def _ask(url: str, host: str) -> str | None:
    try:
        with urlopen(Request(url, method="HEAD"), timeout=PATIENCE):
            return None
    except HTTPError as error:  # another file name, a login: the real download knows better
        return f"{host} answers {error.code} {error.reason}" if error.code in _OVERLOADED else None
    except URLError as error:  # a certificate that only the hub's own client trusts proves the host is there
        return None if isinstance(error.reason, ssl.SSLError) else f"{host}: {error.reason}"
    except (OSError, HTTPException, ValueError) as error:
        return f"{host}: {error}"
