from __future__ import annotations

import numpy as np
import pytest

from segmentation.training import pseudo_labels


@pytest.mark.parametrize("subject", [3, 8, 254])
def test_pseudo_labels_show_the_subject(subject: int) -> None:
    rng = np.random.default_rng(0)
    chances = rng.dirichlet(np.ones(10), (16, 16)).transpose(2, 0, 1).astype(np.float32)
    chances[0] += 2
    chances /= chances.sum(0)
    raised = pseudo_labels._with_subject(chances, subject)
    np.testing.assert_allclose(raised.sum(0), 1, rtol=1e-5)
    label = pseudo_labels._sure(raised, subject, least=0.0)
    assert np.mean(label == subject) > 0.02
    assert not np.isin(pseudo_labels._sure(chances, None, least=0.0), [subject]).mean() > 0.02
