"""Cuts the middle out of a picture: where the encoder looks again, at twice the scale of the thumb.

A thumb has lost the fine texture that noise, grain, compression and slight blur live in. The cut has the scale of a
picture with a long edge of 512 pixels, which is what the quality head was fitted on: a preview of 2,000 pixels and a
picture of 512 then give the same cut of the same photograph. Always the middle: a cut that follows the sharpest place
orders unseen photographs no better (models/README.md), and between two frames of a burst it would jump.
Invariant: the cut is square, keeps the aspect of what it shows and is the same for every turn of the picture.
"""

from PIL import Image

_LONG_EDGE_PX = 512  # of the photographs that the quality head was fitted on


def closeup(image: Image.Image, edge_px: int) -> Image.Image:
    """Return the middle of `image` (RGB, at least 1 x 1) with edges of `edge_px`.

    Shown is edge_px / 512 of the long edge, or less where the short edge has not so much; a picture that is smaller
    than that scale is not enlarged unless its short edge has fewer than `edge_px` pixels. The filter is Hamming's: of
    the cheap ones it keeps the most of the texture.
    """
    width, height = image.size
    edge = min(width, height, max(max(width, height) * edge_px / _LONG_EDGE_PX, edge_px))
    left, top = (width - edge) / 2, (height - edge) / 2
    box = (left, top, left + edge, top + edge)
    return image.resize((edge_px, edge_px), Image.Resampling.HAMMING, box=box)
