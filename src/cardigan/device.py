"""Which device to train on, and in which precision."""

import os
from collections.abc import Callable
from contextlib import nullcontext

import torch

from .errors import UserError
from .train import Precision

DEVICES = ("cpu", "cuda", "mps", "xpu")


def pick(name: str = "auto") -> torch.device:
    """The device of that name; `auto` takes an accelerator where there is one, else the CPU.

    Under torchrun each process takes the accelerator of its own rank on the machine.
    """
    try:
        device = torch.device({"auto": _best()}.get(name, name))
        accelerator = torch.accelerator.current_accelerator()
        if device.index is None and accelerator and device.type == accelerator.type:
            device = torch.device(device.type, int(os.environ.get("LOCAL_RANK", 0)))
            torch.accelerator.set_device_index(device.index)
        device = torch.empty(0, device=device).device
        assert device.type in DEVICES, "networks are not trained there"
    except (RuntimeError, AssertionError, ValueError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise UserError(
            f"expected a device that is here (auto, cpu, cuda, cuda:1, mps), got {name!r}: "
            f"{reason}; --training.device auto picks one"
        ) from None
    return device


def _best() -> str:
    """The accelerator; on a Mac of several processes the CPU, for only NCCL and gloo join them."""
    accelerator = torch.accelerator.current_accelerator()
    if accelerator is None or not torch.accelerator.is_available():
        return "cpu"
    many = int(os.environ.get("WORLD_SIZE", 1)) > 1
    return {(True, "mps"): "cpu"}.get((many, accelerator.type), accelerator.type)


def float32(device: torch.device) -> Precision:
    """Rounds in plain float32."""
    return nullcontext


def bfloat16(device: torch.device) -> Precision:
    """Rounds under autocast: products in bfloat16; weights, gradients and logits in float32."""
    return lambda: torch.autocast(device.type, torch.bfloat16)


def fastest(device: torch.device) -> Precision:
    """bfloat16 on devices that multiply faster in it, else float32."""
    fast = {"cuda": _gpu_is_fast_in_bfloat16, "cpu": _cpu_is_fast_in_bfloat16}
    return (bfloat16 if fast.get(device.type, bool)() else float32)(device)


def _gpu_is_fast_in_bfloat16() -> bool:
    """Whether the GPU multiplies in it, and does not only pretend to."""
    return torch.cuda.is_bf16_supported(including_emulation=False)


def _cpu_is_fast_in_bfloat16() -> bool:
    """Whether the processor has AVX512-BF16 or AMX."""
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


PRECISIONS: dict[str, Callable[[torch.device], Precision]] = {
    "auto": fastest,
    "float32": float32,
    "bfloat16": bfloat16,
}
