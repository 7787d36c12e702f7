"""What the studio knows of token transformers: everything else is derived from this."""

from ..instruments import Instrument
from . import cascade
from .lesson import TokensLesson
from .next_scale_lesson import NextScaleLesson
from .next_scale_sampler import NextScaleSampler

INSTRUMENT = Instrument(
    name="cascades",
    title="Token transformers",
    summary="Transformers that draw a picture as tokens, from coarse to fine, stage after stage",
    start="model:cascade-sea",
    lessons=(TokensLesson, NextScaleLesson),
    samplers={
        TokensLesson.kind: cascade.tokens_sampler,
        cascade.KIND: cascade.cascade_sampler,
        NextScaleLesson.kind: NextScaleSampler,
    },
    infos={cascade.KIND: cascade.info},
    parts={cascade.KIND: cascade.trained_networks},
)
