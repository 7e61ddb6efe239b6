"""Whose embeddings a judge has, by its name."""

import pytest

from safelight.domain.judges import beside, bundle_of, embedder_of

FIRST = "embedded:0123456789ab:fp32/m3"


@pytest.mark.parametrize(
    "judge, embedder",
    [
        (FIRST, "embedded:0123456789ab:fp32"),
        (beside("siglip2-base:ba9876543210:int8", FIRST), "siglip2-base:ba9876543210:int8"),
        (beside("siglip2-base:ba9876543210:fp16", FIRST), "siglip2-base:ba9876543210:fp16"),
    ],
)
def test_embeddings_are_told_apart_by_name_sum_and_precision(judge: str, embedder: str) -> None:
    assert embedder_of(judge) == embedder
    assert bundle_of(judge) == embedder.partition(":")[0]
