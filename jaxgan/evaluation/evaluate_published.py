"""Scores of a run with the names and by the protocols of papers (`--features inception`)."""

from pathlib import Path
from typing import Any

import jax

from jaxgan.config.schema import Config
from jaxgan.data import load_data
from jaxgan.evaluation import published
from jaxgan.evaluation.generated import SUBSETS, describe_labels, lazy_pixels
from jaxgan.evaluation.request import EvaluateRequest
from jaxgan.gan.standing_stats import count_standing_latents
from jaxgan.gan.state import Gan, TrainState
from jaxgan.metrics import FeatureNet
from jaxgan.runs.environment import check_same_data
from jaxgan.types import Stream, stream_key


def score_run_as_published(
    workdir: Path,
    config: Config,
    gan: Gan,
    state: TrainState,
    net: FeatureNet,
    request: EvaluateRequest,
) -> dict[str, Any]:
    """Scores generated images against all training images.

    Papers have no real baseline, so there is none. Both sets go through the network in batches, and
    are never in memory as a whole.

    Raises:
      UserError: a metric without a published protocol, too few images, or a generator that gives
        NaN.
    """
    data = load_data(config.data, "train")
    check_same_data(workdir, data.sha256, data.source)
    count, total = request.num_samples or published.PUBLISHED_SAMPLES, len(data.pixels)
    metrics = published.select_published(request.metrics, count, total)
    key = stream_key(jax.random.key(request.seed), Stream.EVALUATE, SUBSETS)
    generated = lazy_pixels(workdir, gan, state, (count, *data.pixels.shape[1:]), request.seed)
    real = published.reference_features(net, data.pixels, data.sha256)
    scores = {
        name: published.score_as_published(metrics, real, net.extract(pixels), key)
        for name, pixels in generated.items()
    }
    protocol = {
        "step": int(state.step),
        **published.published_protocol(net, count, total, request.seed),
        "data": data.name,
        "data_sha256": {"train": data.sha256},
        "real": {"train": f"all {total} train images"},
        "floor": {},
        **({"labels": describe_labels(gan)} if gan.classes else {}),
        "weights": "averaged" if state.ema_params else "raw",
        "standing_latents": count_standing_latents(state),
    }
    return {"protocol": protocol, "metrics": scores, "ratios": {}, "histograms": {}}
