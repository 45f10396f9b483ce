"""Pieces of regions that cannot be what the network took them for, joined with what surrounds them.

A cloud taken for a rock would take an orange patch from the style. Three rules, for connected pieces on the coarse
grid:

- a small piece that lies within one other region, and of which the network is not sure, belongs to that region;
- whatever stands on the ground does not float: a larger piece of building, plants, ground, water or rock with nothing
  but sky around it is sky, unless the network is sure of it;
- nor do several pieces together: a dark cloud of which one half is taken for trees and the other half for an animal.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from segmentation.filters import connected_pieces, grown
from segmentation.labels import labels_in

SMALL = 0.03
"""A piece is small if its share of the photo is below this."""
LARGEST = 0.2
"""No piece with a larger share of the photo is joined with another."""
WITHIN = 0.9
"""A piece lies within a region if at least this share of its border is shared with it. The border of the photo does not
count."""
MOSTLY = 0.5
"""What floats is sky if classes that stand on the ground have at least this share of it (our choice)."""
SURE = 0.85
"""The network is sure of a piece if the mean probability of its class is at least this (our choice)."""


def joined(probabilities: NDArray[np.float32], sky: int, standing: Collection[int]) -> NDArray[np.float32]:
    """The probabilities after the rules.

    Args:
        probabilities: `(K, h, w) float32`, [0, 1], sum 1 over K.
        sky: the class of the sky.
        standing: the classes that stand on the ground.

    Returns:
        The same where nothing is joined. In a piece that is joined, its class and the class of the region around it
        change places.
    """
    labels, result = probabilities.argmax(0), probabilities.copy()
    for label in labels_in(labels):
        pieces, places = connected_pieces(labels == label)
        for number, place in enumerate(places, start=1):
            around = tuple(slice(max(0, part.start - 1), part.stop + 1) for part in place)
            piece = pieces[around] == number
            share = piece.sum() / labels.size
            if share > LARGEST:
                continue
            border = grown(piece) & ~piece
            neighbours = np.bincount(labels[around][border], minlength=len(probabilities))
            into = int(neighbours.argmax())
            if neighbours[into] < WITHIN * max(1, neighbours.sum()):
                continue
            if not (share < SMALL or (into == sky and label in standing)):
                continue
            if probabilities[label][around][piece].mean() >= SURE:
                continue
            own, other = result[label][around], result[into][around]
            own[piece], other[piece] = other[piece], own[piece]
    return _without_floating(result, sky, standing)


def _without_floating(probabilities: NDArray[np.float32], sky: int, standing: Collection[int]) -> NDArray[np.float32]:
    """Changes the places of the likeliest class and the sky in what hangs in the sky, and is not sure.

    That is what does not reach the bottom of the photo, has a share of `SMALL` or more, and is for the most part of
    classes that stand on the ground.
    """
    labels, chances = probabilities.argmax(0), probabilities.max(0)
    pieces, places = connected_pieces(labels != sky)
    for number in sorted(set(range(1, len(places) + 1)) - set(labels_in(pieces[-1]))):
        rows, columns = np.nonzero(pieces == number)
        own = labels[rows, columns]
        if len(own) < SMALL * labels.size:
            continue
        if np.isin(own, list(standing)).mean() < MOSTLY or chances[rows, columns].mean() >= SURE:
            continue
        probabilities[own, rows, columns] = probabilities[sky, rows, columns]
        probabilities[sky, rows, columns] = chances[rows, columns]
    return probabilities
