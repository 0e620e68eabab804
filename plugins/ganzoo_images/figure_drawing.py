"""Drawn figures: a pose is where the joints are, and clothes are drawn along the limbs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from ganzoo_images.figure_options import COLOURS, GARMENTS, JOINTS, TROUSERS

Array = np.ndarray[Any, Any]

PALETTE: Final = np.array([*COLOURS.values()], np.float32)
LEGS: Final = np.array([*TROUSERS.values()], np.float32)
SKIN: Final = np.array([(246, 214, 182), (198, 142, 100), (118, 78, 52)], np.float32)
HAIR: Final = np.array([(54, 38, 28), (176, 120, 50), (120, 120, 124)], np.float32)
GROUND: Final = 232.0  # of a picture
STRIPE: Final = 0.25  # of the length of the body, a light and a dark one
LIGHT: Final = 0.45  # how much lighter every second stripe is
UPPER_ARM, FOREARM, THIGH, SHIN = 0.13, 0.13, 0.17, 0.17  # in heights of a picture
LIMB, SLEEVE, LEG, BODY, HEAD = 0.026, 0.038, 0.042, 0.075, 0.08  # radii
PLACE = {name: number for number, name in enumerate(JOINTS)}


@dataclass(frozen=True)
class Clothes:
    """What B figures wear, and how they look: indices (B,) into the tables of this module."""

    garment: Array
    colour: Array
    striped: Array
    trousers: Array
    long: Array
    skin: Array
    hair: Array


class _Part(NamedTuple):
    """A limb from one point to another (B, 2), with a radius, and its colour (B, 3); of the garment or not."""

    start: Array
    end: Array
    radius: float
    colour: Array
    worn: Array  # (B,) whether it is drawn
    of_garment: bool = False
    striped: Array | None = None  # (B,) whether every second stripe is lighter


def posed(numbers: Array) -> Array:
    """Return the joints (B, J, 2), x and y in heights of a picture, of poses given by numbers (B, 11) in [0, 1)."""
    shift, scale = 0.06 * (2 * numbers[:, :1] - 1), 0.92 + 0.12 * numbers[:, 1:2]
    hip = np.concatenate([0.5 + shift, np.full_like(shift, 0.56)], 1)
    lean = 0.16 * (2 * numbers[:, 2] - 1)
    neck, head = hip + 0.27 * _towards(np.pi - lean), hip + 0.385 * _towards(np.pi - lean)
    points = {"head": head, "neck": neck, "hip": hip}
    for side, sign, first in (("left", -1, 3), ("right", 1, 5)):
        shoulder = neck + np.array([sign * 0.07, 0.03])
        angle = 0.15 + 2.3 * numbers[:, first]
        bend = 1.3 * numbers[:, first + 1]
        elbow = shoulder + UPPER_ARM * _towards(sign * angle)
        points |= {f"{side} elbow": elbow, f"{side} hand": elbow + FOREARM * _towards(sign * (angle + bend))}
        angle, bend = 0.08 + 0.5 * numbers[:, first + 4], 0.4 * numbers[:, first + 5]
        knee = hip + np.array([sign * 0.03, 0.0]) + THIGH * _towards(sign * angle)
        points |= {f"{side} knee": knee, f"{side} foot": knee + SHIN * _towards(sign * (angle - bend))}
    joints = np.stack([points[name] for name in JOINTS], 1)
    middle = np.array([0.5, 0.52])
    moved: Array = middle + scale[:, None] * (joints - middle)
    return moved


def _towards(angle: Array) -> Array:
    """Return unit vectors (B, 2) at angles from straight down, positive to the right."""
    return np.stack([np.sin(angle), np.cos(angle)], 1)


def figures(joints: Array, clothes: Clothes, size: int) -> Array:
    """Return pictures (B, 3, size, size), uint8, of figures with these joints."""
    return _painted(list(_parts(joints, clothes)), joints, size, 1.0)


def garments(clothes: Clothes, size: int) -> Array:
    """Return pictures (B, 3, size, size), uint8, of garments alone, all in one place and larger."""
    pose = np.full((len(clothes.garment), 11), 0.5)
    pose[:, [3, 5]], pose[:, [4, 6]] = 0.12, 0.0
    joints = (posed(pose) - np.array([0.5, 0.46])) * 1.7 + 0.5
    return _painted([part for part in _parts(joints, clothes, 1.7) if part.of_garment], joints, size, 1.7)


def _parts(joints: Array, clothes: Clothes, scale: float = 1.0) -> Iterator[_Part]:
    at = {name: joints[:, place] for name, place in PLACE.items()}
    always = np.ones(len(joints), bool)
    skin, top, legs = SKIN[clothes.skin], PALETTE[clothes.colour], LEGS[clothes.trousers]
    coat, sleeveless = clothes.garment == GARMENTS.index("coat"), clothes.garment == GARMENTS.index("vest")
    long_sleeves = clothes.garment >= GARMENTS.index("jumper")
    for side, sign in (("left", -1), ("right", 1)):
        hip = at["hip"] + scale * np.array([sign * 0.03, 0.0])
        knee, foot = at[f"{side} knee"], at[f"{side} foot"]
        yield _Part(knee, foot, LIMB, skin, ~clothes.long)
        yield _Part(knee, foot, LEG, legs, clothes.long)
        yield _Part(hip, knee, LEG, legs, always)
        yield _Part(hip, hip + 0.7 * (knee - hip), LEG + 0.02, top, coat, of_garment=True)
    yield _Part(at["head"], at["neck"], LIMB, skin, always)
    yield _Part(at["head"] + np.array([0, -0.02]) * scale, at["head"], HEAD, HAIR[clothes.hair], always)
    yield _Part(at["head"] + np.array([0, 0.02]) * scale, at["head"] + np.array([0, 0.03]), HEAD - 0.02, skin, always)
    shoulders = at["neck"] + scale * np.array([0, 0.04])
    yield _Part(shoulders, at["hip"], BODY, top, always, of_garment=True, striped=clothes.striped)
    for side, sign in (("left", -1), ("right", 1)):
        shoulder, elbow = at["neck"] + scale * np.array([sign * 0.07, 0.03]), at[f"{side} elbow"]
        yield _Part(elbow, at[f"{side} hand"], LIMB, skin, ~long_sleeves)
        yield _Part(shoulder, elbow, LIMB, skin, sleeveless)
        yield _Part(elbow, at[f"{side} hand"], SLEEVE, top, long_sleeves, of_garment=True)
        yield _Part(at[f"{side} hand"], at[f"{side} hand"] + 0.001, LIMB + 0.004, skin, always)
        yield _Part(shoulder, elbow, SLEEVE, top, ~sleeveless, of_garment=True)


def _painted(parts: list[_Part], joints: Array, size: int, scale: float) -> Array:
    """Return pictures of parts, each drawn over those before it."""
    line = (np.arange(size, dtype=np.float32) + 0.5) / size
    x, y = line[None, None], line[None, :, None]
    images = np.full((len(joints), size, size, 3), GROUND, np.float32)
    light = np.floor(_along(x, y, joints[:, PLACE["neck"]], joints[:, PLACE["hip"]]) / STRIPE).astype(int) % 2 == 1
    for part in parts:
        if not part.worn.any():
            continue
        place = np.clip(_along(x, y, part.start, part.end), 0, 1)
        nearest = [_each(part.start, axis) + place * _each(part.end - part.start, axis) for axis in range(2)]
        distance = np.hypot(x - nearest[0], y - nearest[1]) - np.float32(scale * part.radius)
        cover = np.clip(0.5 - distance * size, 0, 1) * part.worn[:, None, None]
        colour = np.broadcast_to(part.colour[:, None, None], images.shape)
        if part.striped is not None:
            lighter = light & part.striped[:, None, None].astype(bool)
            colour = np.where(lighter[..., None], colour + LIGHT * (255 - colour), colour)
        images += cover[..., None].astype(np.float32) * (colour - images)
    return np.rint(images).astype(np.uint8).transpose(0, 3, 1, 2)


def _each(points: Array, axis: int) -> Array:
    """Return one coordinate (B, 1, 1) of points (B, 2)."""
    return points[:, axis, None, None].astype(np.float32)


def _along(x: Array, y: Array, start: Array, end: Array) -> Array:
    """Return how far places lie along lines, as shares (B, H, W) of their lengths."""
    away = end - start
    length = np.maximum((away**2).sum(1), 1e-9).astype(np.float32)[:, None, None]
    shares: Array = ((x - _each(start, 0)) * _each(away, 0) + (y - _each(start, 1)) * _each(away, 1)) / length
    return shares
