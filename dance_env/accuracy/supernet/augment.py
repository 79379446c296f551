"""Augmentation on whole batches: crop, flip, cutout, normalize. All randomness is passed in."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

from dance_env.accuracy.supernet.sources import ImageDataError


@dataclass(frozen=True)
class Augmentation:
    """What is done to a training image. The defaults do nothing but normalize.

    Attributes:
        crop_padding: zeros put around the image before an image-sized window is cut at random (CIFAR: 4).
        min_area: smallest share of the image's area that a scaled crop keeps; 1 turns scaling off (ImageNet: 0.08).
            The crop's aspect ratio is 3/4 .. 4/3, and it is resized to the image size with bilinear interpolation.
        flip: mirror half of the images left to right.
        cutout: edge in pixels of the square set to the mean, centerd anywhere (1708.04552); 0 turns it off.
    """

    crop_padding: int = 0
    min_area: float = 1.0
    flip: bool = False
    cutout: int = 0

    def __post_init__(self) -> None:
        if self.crop_padding < 0 or self.cutout < 0:
            raise ValueError(f"crop_padding and cutout are pixels >= 0, got {self.crop_padding} and {self.cutout}")
        if not 0 < self.min_area <= 1:
            raise ValueError(f"min_area is a share in (0, 1], got {self.min_area}")


@dataclass(frozen=True)
class Normalization:
    """Per-channel mean and standard deviation of pixels scaled to 0..1, and the size that the network takes."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    image_size: int

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Return `(b, C, S, S)` float32 of uint8 `(b, C, H, W)`: the center `S x S`, zeros around what is smaller."""
        _check_batch(images, len(self.mean))
        return self.scale(_center(images, self.image_size))

    def scale(self, images: torch.Tensor) -> torch.Tensor:
        """Return float32 of mean 0 and deviation 1, channels-last in memory, of pixels 0..255 of any real type."""
        mean = torch.tensor(self.mean, dtype=torch.float32, device=images.device).view(1, -1, 1, 1)
        std = torch.tensor(self.std, dtype=torch.float32, device=images.device).view(1, -1, 1, 1)
        scaled = (images.to(torch.float32) / 255.0 - mean) / std
        return scaled.contiguous(memory_format=torch.channels_last)


def augment(
    images: torch.Tensor, augmentation: Augmentation, *, normalization: Normalization, generator: torch.Generator
) -> torch.Tensor:
    """Return `(b, C, S, S)` float32 of uint8 `(b, C, H, W)`, augmented and normalized; it draws on the CPU, so devices agree."""
    _check_batch(images, len(normalization.mean))
    size = normalization.image_size
    if augmentation.min_area < 1:
        pixels: torch.Tensor = _scaled_crop(images, size, min_area=augmentation.min_area, generator=generator)
    else:
        pixels = _random_crop(
            _center(images, size) if images.shape[2] < size else images,
            size,
            padding=augmentation.crop_padding,
            generator=generator,
        )
    if augmentation.flip:
        mirrored = (torch.rand(len(pixels), generator=generator) < 0.5).to(pixels.device)
        pixels = torch.where(mirrored.view(-1, 1, 1, 1), pixels.flip(3), pixels)
    scaled = normalization.scale(pixels)
    if augmentation.cutout:
        scaled = scaled.masked_fill(_squares(len(pixels), size, augmentation.cutout, generator).to(scaled.device), 0.0)
    return scaled


def _check_batch(images: torch.Tensor, channels: int) -> None:
    if images.ndim != 4 or images.dtype != torch.uint8 or images.shape[1] != channels:
        raise ImageDataError(
            f"expected a batch of uint8 images (b, {channels}, H, W), got {images.dtype} {tuple(images.shape)}"
        )


def _center(images: torch.Tensor, size: int) -> torch.Tensor:
    """Return the center `size x size` window; smaller images get zeros all around."""
    lack = size - images.shape[2]
    if lack > 0:
        before = lack // 2
        return functional.pad(images, (before, lack - before, before, lack - before))
    start = -lack // 2
    return images[:, :, start : start + size, start : start + size]


def _random_crop(images: torch.Tensor, size: int, *, padding: int, generator: torch.Generator) -> torch.Tensor:
    """Return a `size x size` window at a random place of each zero-padded image."""
    padded = functional.pad(images, (padding,) * 4) if padding else images
    slack = padded.shape[2] - size
    if slack == 0:
        return padded
    corners = torch.randint(slack + 1, (2, len(images), 1), generator=generator).to(images.device)
    window = torch.arange(size, device=images.device)
    batch = torch.arange(len(images), device=images.device).view(-1, 1, 1)
    rows, columns = (corners[0] + window).unsqueeze(2), (corners[1] + window).unsqueeze(1)
    return padded[batch, :, rows, columns].permute(0, 3, 1, 2)


def _scaled_crop(images: torch.Tensor, size: int, *, min_area: float, generator: torch.Generator) -> torch.Tensor:
    """Return a window of random area and aspect ratio of each image, resized to `size x size` (the usual ImageNet crop)."""
    draws = torch.rand((4, len(images)), generator=generator)
    area = min_area + (1 - min_area) * draws[0]
    ratio = torch.exp((2 * draws[1] - 1) * torch.log(torch.tensor(4 / 3)))
    width, height = (area * ratio).sqrt().clamp(max=1.0), (area / ratio).sqrt().clamp(max=1.0)
    left, top = (1 - width) * (2 * draws[2] - 1), (1 - height) * (2 * draws[3] - 1)
    zeros = torch.zeros_like(width)
    affine = torch.stack([torch.stack([width, zeros, left], 1), torch.stack([zeros, height, top], 1)], 1)
    grid = functional.affine_grid(
        affine.to(images.device), [len(images), images.shape[1], size, size], align_corners=False
    )
    return functional.grid_sample(
        images.to(torch.float32), grid, mode="bilinear", padding_mode="border", align_corners=False
    )


def _squares(count: int, size: int, edge: int, generator: torch.Generator) -> torch.Tensor:
    """Return `(count, 1, size, size)` bool: a square per image, clipped at the border, as in the cutout paper."""
    centers = torch.randint(size, (2, count, 1), generator=generator)
    pixels = torch.arange(size)
    inside = (pixels >= centers - edge // 2) & (pixels < centers - edge // 2 + edge)
    return (inside[0].unsqueeze(2) & inside[1].unsqueeze(1)).unsqueeze(1)
