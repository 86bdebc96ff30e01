"""Which precision a network runs in, and how a device shows that it has the fast one."""

from __future__ import annotations

import logging

import torch

log = logging.getLogger(__name__)

AUTOCAST = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}
PRECISIONS = ("auto", *AUTOCAST)

INSTRUCTIONS = ("amx_bf16", "avx512_bf16")
"""What a processor needs to multiply bfloat16; without them it is converted back and forth and slower than float32."""


def resolve_precision(precision: str, device: torch.device) -> str:
    """The precision to run in: as named, or for `"auto"` bfloat16 where the device multiplies it, else float32.

    What `"auto"` became, and why, is one line in the log.

    Raises:
        ValueError: an unknown precision.
    """
    check_precision(precision)
    if precision != "auto":
        return precision
    reason = bfloat16_support(device)
    chosen = "bfloat16" if reason else "float32"
    log.info("precision %s: %s", chosen, reason or f"this {device.type} device has no bfloat16 arithmetic")
    return chosen


def check_precision(precision: str) -> None:
    """Refuse a precision that there is not.

    Raises:
        ValueError: naming those that there are.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision is {precision!r}; allowed: {', '.join(map(repr, PRECISIONS))}")


def bfloat16_support(device: torch.device) -> str:
    """What makes bfloat16 fast on a device, in words; empty where nothing does."""
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
        return f"{torch.cuda.get_device_name(device)} multiplies bfloat16" if fast else ""
    if device.type == "cpu":
        found = [name for name in INSTRUCTIONS if cpu_capabilities().get(name)]
        return f"the processor has {' and '.join(found)}" if found else ""
    return ""


def cpu_capabilities() -> dict[str, object]:
    """Instruction sets by name, as torch tells them; empty for a torch too old to tell."""
    tell = getattr(torch.cpu, "get_capabilities", None)
    return dict(tell()) if tell else {}
