"""Global buffers by capacity: energies, leakage and area from CACTI; a table, since the steps are not monotone."""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class GlobalBuffer:
    """The figures of one global buffer.

    Attributes:
        words: Its capacity.
        read_pj, write_pj: Energy of one word.
        leak_pj_per_cycle: Leakage.
        area_um2: Silicon.

    Raises:
        TypeError: If a figure is not a number, or the capacity not a whole one.
        ValueError: If the capacity is below 1, or a figure negative or not finite.
    """

    words: int
    read_pj: float
    write_pj: float
    leak_pj_per_cycle: float
    area_um2: float

    def __post_init__(self) -> None:
        for field in fields(self):
            value: Any = getattr(self, field.name)
            whole = field.name == "words"
            kind = numbers.Integral if whole else numbers.Real
            convert: Any = int if whole else float
            if isinstance(value, bool) or not isinstance(value, kind):
                raise TypeError(f"GlobalBuffer.{field.name}: expected a number, got {value!r}.")
            if not math.isfinite(value) or value < int(whole):
                raise ValueError(
                    f"GlobalBuffer.{field.name}: expected a finite number of at least {int(whole)}, got {value!r}."
                )
            object.__setattr__(self, field.name, convert(value))


_ROW_WORDS = 4  # rows of 64 bits
_WORDS_PER_KIB = 512

# Accelergy's smartbuffer_SRAM (6911d15; CACTI 1ffd8df and two address generators), 45 nm, one bank, one port, rows of 64
# bits. Capacity (KiB), read and write (pJ a row), leakage (pJ a cycle of 1 ns), area (um2). Accelergy itself was run for
# 12 of them (16, 32, 48, 64, 96, 108, 128, 192, 256, 384, 512, 1,024 KiB); the others are CACTI's output with the same
# configuration plus the address generators, which agrees with Accelergy within 4e-6 on those 12. CACTI picks another
# partition of the array at some capacities, so that a larger buffer may cost less (80 -> 84 KiB: 29.2 -> 26.2 pJ).
_CACTI_45NM = (
    (8, 6.20264, 7.94369, 0.00169429, 26441),
    (12, 10.4402, 9.71008, 0.00193616, 39815),
    (16, 11.6819, 10.769, 0.00205042, 50933.1),
    (20, 13.0021, 11.9063, 0.00230802, 61954.2),
    (24, 14.3157, 13.0371, 0.00242186, 72958),
    (28, 13.8565, 13.0351, 0.00254994, 99721.3),
    (32, 17.1206, 15.4763, 0.00264891, 95068.2),
    (36, 15.7363, 14.7319, 0.00292094, 124210),
    (40, 16.6931, 15.5974, 0.00303478, 136281),
    (44, 17.65, 16.4628, 0.00314863, 148351),
    (48, 22.762, 18.0241, 0.00312974, 164355),
    (52, 23.5715, 18.4628, 0.0032325, 175484),
    (56, 24.3799, 18.9005, 0.00333524, 186591),
    (60, 25.1913, 19.3412, 0.00343797, 197697),
    (64, 25.9548, 19.7339, 0.00353902, 209272),
    (68, 26.7668, 20.1752, 0.00378489, 220399),
    (72, 27.5722, 20.6099, 0.003887, 231509),
    (76, 28.3777, 21.0446, 0.00398911, 242620),
    (80, 29.1831, 21.4793, 0.00409122, 253730),
    (84, 26.1955, 22.0137, 0.00422617, 303253),
    (88, 26.7527, 22.3856, 0.00432895, 314657),
    (92, 27.3113, 22.7588, 0.00443172, 326060),
    (96, 27.8686, 23.1306, 0.00453448, 337464),
    (100, 28.4268, 23.5035, 0.00463724, 348867),
    (104, 28.9841, 23.8754, 0.00473999, 360316),
    (108, 29.5413, 24.2473, 0.00484274, 371720),
    (112, 30.0985, 24.6191, 0.00494548, 383123),
    (116, 30.6563, 24.9915, 0.00504821, 394527),
    (120, 31.216, 25.3658, 0.00515094, 405931),
    (124, 31.7755, 25.7399, 0.00525352, 417334),
    (128, 32.3778, 26.1569, 0.00535305, 429832),
    (136, 33.4997, 26.9081, 0.00570102, 452672),
    (144, 34.6151, 27.6527, 0.00590524, 475494),
    (152, 35.7305, 28.3974, 0.00610947, 498316),
    (160, 36.8459, 29.142, 0.00631369, 521138),
    (168, 37.9613, 29.8867, 0.00651791, 543960),
    (176, 39.0767, 30.6314, 0.00672214, 566782),
    (184, 40.1922, 31.3761, 0.00692636, 589604),
    (192, 41.3076, 32.1207, 0.00713058, 612426),
    (200, 42.423, 32.8654, 0.00733481, 635248),
    (208, 39.3821, 34.2735, 0.00761124, 730929),
    (216, 40.2503, 34.9563, 0.00781673, 754101),
    (224, 41.1185, 35.639, 0.00802221, 777273),
    (232, 41.9872, 36.3225, 0.00822768, 800445),
    (240, 42.8579, 37.0077, 0.00843314, 823618),
    (248, 43.7283, 37.6928, 0.00863829, 846790),
    (256, 44.8141, 38.5933, 0.00883735, 872354),
    (272, 50.2047, 40.8574, 0.0090085, 989191),
    (288, 51.4049, 41.5473, 0.00939488, 1.03267e06),
    (304, 52.6076, 42.2396, 0.00978124, 1.07615e06),
    (320, 53.8078, 42.9294, 0.0101676, 1.11972e06),
    (352, 56.2082, 44.309, 0.0109402, 1.20668e06),
    (384, 58.6099, 45.6899, 0.0117128, 1293640),
    (416, 61.0113, 47.0704, 0.0124853, 1.38069e06),
    (448, 63.4116, 48.4499, 0.0132578, 1.46764e06),
    (480, 65.815, 49.8325, 0.0140303, 1.5546e06),
    (512, 68.4543, 51.451, 0.014796, 1644910),
    (576, 73.2398, 54.1949, 0.0164796, 1.81894e06),
    (640, 78.0582, 56.9717, 0.0180196, 1.99294e06),
    (704, 74.6677, 62.4355, 0.0196948, 2.38116e06),
    (768, 78.3469, 65.0938, 0.02124, 2.55614e06),
    (832, 82.0257, 67.7519, 0.0227851, 2.7313e06),
    (896, 85.7035, 70.4088, 0.02433, 2.90628e06),
    (960, 89.3844, 73.0688, 0.0258748, 3.08126e06),
    (1024, 93.6308, 76.2945, 0.0274064, 3263130),
)

CACTI_45NM = tuple(
    GlobalBuffer(kib * _WORDS_PER_KIB, read / _ROW_WORDS, write / _ROW_WORDS, leak, area)
    for kib, read, write, leak, area in _CACTI_45NM
)
"""65 capacities from 8 KiB to 1 MiB, energies per word of 16 bits."""
