"""Networks to import, written from their papers; the layers and their sizes are those of torchvision's where it has them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode


def macs_of(module: nn.Module, *inputs: Tensor) -> int:
    """Multiply-accumulates as torch counts them, operator by operator, while the module runs."""
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH), torch.no_grad():
        module.eval()(*inputs)
    return counter.get_total_flops() // 2


def parameters_of(module: nn.Module) -> int:
    return sum(each.numel() for each in module.parameters())


def conv(
    into: int, out: int, kernel: int, stride: int = 1, groups: int = 1, act: type[nn.Module] | None = nn.ReLU
) -> nn.Sequential:
    layers = [nn.Conv2d(into, out, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False), nn.BatchNorm2d(out)]
    return nn.Sequential(*layers, *([act()] if act else []))


class Residual(nn.Module):
    """The basic block and the bottleneck of He et al., arXiv 1512.03385."""

    def __init__(self, into: int, width: int, stride: int, *, bottleneck: bool) -> None:
        super().__init__()
        out = 4 * width if bottleneck else width
        self.body = (
            nn.Sequential(conv(into, width, 1), conv(width, width, 3, stride), conv(width, out, 1, act=None))
            if bottleneck
            else nn.Sequential(conv(into, width, 3, stride), conv(width, out, 3, act=None))
        )
        self.shortcut = conv(into, out, 1, stride, act=None) if stride > 1 or into != out else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.body(x) + self.shortcut(x))


class ResNet(nn.Module):
    def __init__(self, depths: Sequence[int], *, bottleneck: bool, classes: int = 1000) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv(3, 64, 7, 2), nn.MaxPool2d(3, 2, 1))
        blocks, into = [], 64
        for stage, depth in enumerate(depths):
            for index in range(depth):
                width = 64 * 2**stage
                blocks.append(Residual(into, width, 2 if stage and not index else 1, bottleneck=bottleneck))
                into = 4 * width if bottleneck else width
        self.blocks = nn.Sequential(*blocks)
        self.fc = nn.Linear(into, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(self.blocks(self.stem(x)), 1), 1))


def resnet18() -> nn.Module:
    return ResNet((2, 2, 2, 2), bottleneck=False)


def resnet50() -> nn.Module:
    return ResNet((3, 4, 6, 3), bottleneck=True)


class Squeeze(nn.Module):
    """Squeeze-and-excitation, arXiv 1709.01507, as 1x1 convolutions on pooled channels."""

    def __init__(self, width: int, inner: int, act: type[nn.Module], gate: type[nn.Module]) -> None:
        super().__init__()
        self.down, self.act = nn.Conv2d(width, inner, 1), act()
        self.up, self.gate = nn.Conv2d(inner, width, 1), gate()

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(self.up(self.act(self.down(x.mean((2, 3), keepdim=True)))))


class Inverted(nn.Module):
    """The inverted bottleneck of MobileNetV2, V3 and EfficientNet."""

    def __init__(
        self, into: int, inner: int, out: int, kernel: int, stride: int, act: type[nn.Module], squeeze: Squeeze | None
    ) -> None:
        super().__init__()
        layers = [conv(into, inner, 1, act=act)] if inner != into else []
        layers.append(conv(inner, inner, kernel, stride, groups=inner, act=act))
        layers += [] if squeeze is None else [squeeze]
        self.body = nn.Sequential(*layers, conv(inner, out, 1, act=None))
        self.keeps = stride == 1 and into == out

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.keeps else self.body(x)


class Pooled(nn.Module):
    """Blocks, the mean over pixels, a classifier."""

    def __init__(self, features: nn.Module, classifier: nn.Module) -> None:
        super().__init__()
        self.features, self.pool, self.classifier = features, nn.AdaptiveAvgPool2d(1), classifier

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(torch.flatten(self.pool(self.features(x)), 1))


def mobilenet_v2() -> nn.Module:
    """Sandler et al., arXiv 1801.04381, table 2."""
    blocks, into = [conv(3, 32, 3, 2, act=nn.ReLU6)], 32
    for t, c, n, s in (
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ):
        for index in range(n):
            blocks.append(Inverted(into, t * into, c, 3, 1 if index else s, nn.ReLU6, None))
            into = c
    blocks.append(conv(into, 1280, 1, act=nn.ReLU6))
    return Pooled(nn.Sequential(*blocks), nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, 1000)))


def mobilenet_v3_large() -> nn.Module:
    """Howard et al., arXiv 1905.02244, table 1."""
    h, r = nn.Hardswish, nn.ReLU
    rows = [
        (3, 16, 16, False, r, 1), (3, 64, 24, False, r, 2), (3, 72, 24, False, r, 1), (5, 72, 40, True, r, 2),
        (5, 120, 40, True, r, 1), (5, 120, 40, True, r, 1), (3, 240, 80, False, h, 2), (3, 200, 80, False, h, 1),
        (3, 184, 80, False, h, 1), (3, 184, 80, False, h, 1), (3, 480, 112, True, h, 1), (3, 672, 112, True, h, 1),
        (5, 672, 160, True, h, 2), (5, 960, 160, True, h, 1), (5, 960, 160, True, h, 1),
    ]  # fmt: skip
    blocks, into = [conv(3, 16, 3, 2, act=h)], 16
    for kernel, inner, out, squeezed, act, stride in rows:
        squeeze = Squeeze(inner, _divisible(inner / 4), nn.ReLU, nn.Hardsigmoid) if squeezed else None
        blocks.append(Inverted(into, inner, out, kernel, stride, act, squeeze))
        into = out
    blocks.append(conv(into, 960, 1, act=h))
    return Pooled(
        nn.Sequential(*blocks), nn.Sequential(nn.Linear(960, 1280), h(), nn.Dropout(0.2), nn.Linear(1280, 1000))
    )


def efficientnet_b0() -> nn.Module:
    """Tan and Le, arXiv 1905.11946, table 1."""
    a = nn.SiLU
    blocks, into = [conv(3, 32, 3, 2, act=a)], 32
    for t, k, s, c, n in (
        (1, 3, 1, 16, 1),
        (6, 3, 2, 24, 2),
        (6, 5, 2, 40, 2),
        (6, 3, 2, 80, 3),
        (6, 5, 1, 112, 3),
        (6, 5, 2, 192, 4),
        (6, 3, 1, 320, 1),
    ):
        for index in range(n):
            squeeze = Squeeze(t * into, max(1, into // 4), a, nn.Sigmoid)
            blocks.append(Inverted(into, t * into, c, k, 1 if index else s, a, squeeze))
            into = c
    blocks.append(conv(into, 1280, 1, act=a))
    return Pooled(nn.Sequential(*blocks), nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, 1000)))


def _divisible(value: float, by: int = 8) -> int:
    rounded = max(by, int(value + by / 2) // by * by)
    return rounded + by if rounded < 0.9 * value else rounded


class ViT(nn.Module):
    """One block of a vision transformer (arXiv 2010.11929) between patches and classifier."""

    def __init__(self, width: int = 192, heads: int = 3, size: int = 224, patch: int = 16) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, patch)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.zeros(1, (size // patch) ** 2 + 1, width))
        self.norm1, self.norm2, self.norm = nn.LayerNorm(width), nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.head, self.heads = nn.Linear(width, 1000), heads

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], dim=1) + self.positions
        b, t, c = x.shape
        q, k, v = self.qkv(self.norm1(x)).reshape(b, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        x = x + self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, t, c))
        x = x + self.mlp(self.norm2(x))
        return self.head(self.norm(x)[:, 0])


class GPT(nn.Module):
    """A block of a language model with grouped-query attention, scores of the vocabulary tied to its embedding.

    With a cache, one token arrives with the keys and values of those before it, and the new ones are returned.
    """

    def __init__(
        self, vocabulary: int = 512, width: int = 64, heads: int = 4, groups: int = 2, tokens: int = 32
    ) -> None:
        super().__init__()
        self.heads, self.groups, self.size = heads, groups, width // heads
        self.embedding, self.positions = nn.Embedding(vocabulary, width), nn.Embedding(tokens, width)
        self.norm1, self.norm2, self.norm = nn.LayerNorm(width), nn.RMSNorm(width), nn.LayerNorm(width)
        self.q = nn.Linear(width, width, bias=False)
        self.kv = nn.Linear(width, 2 * groups * self.size, bias=False)
        self.out = nn.Linear(width, width)
        self.up, self.gate, self.down = (
            nn.Linear(width, 3 * width),
            nn.Linear(width, 3 * width),
            nn.Linear(3 * width, width),
        )
        self.head = nn.Linear(width, vocabulary, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, tokens: Tensor, keys: Tensor | None = None, values: Tensor | None = None):
        b, t = tokens.shape
        past = 0 if keys is None else keys.shape[2]
        x = self.embedding(tokens) + self.positions(torch.arange(past, past + t, device=tokens.device))
        q = self.q(self.norm1(x)).view(b, t, self.heads, self.size).transpose(1, 2)
        k, v = self.kv(self.norm1(x)).view(b, t, 2, self.groups, self.size).permute(2, 0, 3, 1, 4).unbind(0)
        if keys is not None and values is not None:
            k, v = torch.cat([keys, k], dim=2), torch.cat([values, v], dim=2)
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=keys is None, enable_gqa=True)
        x = x + self.out(attended.transpose(1, 2).reshape(b, t, -1))
        x = x + self.down(F.silu(self.gate(self.norm2(x))) * self.up(self.norm2(x)))
        scores = self.head(self.norm(x)[:, -1:])
        return scores if keys is None else (scores, k, v)


class UNet(nn.Module):
    """Two levels of a U-Net (arXiv 1505.04597): concatenations, transposed convolution, bilinear upsampling."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        w = width
        self.down1, self.down2, self.bottom = conv(3, w, 3), conv(w, 2 * w, 3), conv(2 * w, 4 * w, 3)
        self.up2, self.join2 = nn.ConvTranspose2d(4 * w, 2 * w, 2, 2), conv(4 * w, 2 * w, 3)
        self.up1, self.join1 = nn.Upsample(scale_factor=2, mode="bilinear"), conv(3 * w, w, 3)
        self.head = nn.Conv2d(w, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        one = self.down1(x)
        two = self.down2(F.max_pool2d(one, 2))
        x = self.bottom(F.max_pool2d(two, 2))
        x = self.join2(torch.cat([two, self.up2(x)], dim=1))
        return self.head(self.join1(torch.cat([one, self.up1(x)], dim=1)))


class Both(nn.Module):
    """A small U-Net before a vision transformer: most operators in one network."""

    def __init__(self) -> None:
        super().__init__()
        self.unet, self.vit = UNet(4), ViT(24, 3, size=16, patch=4)

    def forward(self, x: Tensor) -> Tensor:
        return self.vit(torch.cat([self.unet(x), x[:, :1]], dim=1))


def image(size: int = 224) -> Tensor:
    return torch.zeros(1, 3, size, size)


def tokens(count: int) -> Tensor:
    return torch.zeros(1, count, dtype=torch.int64)


def cache(length: int, groups: int = 2, size: int = 16) -> Tensor:
    return torch.zeros(1, groups, length, size)
