"""What the studio knows of codebooks: everything else is derived from this."""

from ...snapshot import Checkpoint
from ..instruments import Instrument
from ..training.learnt import shape_learnt
from .codec import VQVAECodec
from .latents import latents_of
from .lesson import AutoencoderLesson, VQVAELesson
from .map_lesson import CodebookLesson, codebook_codec
from .sampler import CodesSampler


def vqvae_codec(checkpoint: Checkpoint, device: str) -> VQVAECodec:
    network = VQVAELesson.read_network(checkpoint).to(device)
    height, width, _ = shape_learnt(checkpoint)
    return VQVAECodec(network, (height, width), checkpoint.about)


SEEN = ("autoencoder", "vqvae", "codebook")  # in a view and in movies of their own

INSTRUMENT = Instrument(
    name="codebooks",
    title="Codebooks",
    summary="Networks that turn pictures into small maps of codes and back: see every code at work",
    start="model:codes-digits",
    lessons=(AutoencoderLesson, VQVAELesson, CodebookLesson),
    samplers={"vqvae": CodesSampler, "codebook": CodesSampler},
    codecs={"vqvae": vqvae_codec, "codebook": codebook_codec},
    latents={"autoencoder": latents_of, "vqvae": latents_of},
    views=dict.fromkeys(SEEN, "scalefree_studio.window.views.codes_view:CodesView"),
    scenes=dict.fromkeys(SEEN, "scalefree_studio.export.codes.scene:CodesScene"),
    commands={
        "prune": (
            "remove the codes that a model hardly uses",
            "scalefree_studio.cli_prune:fill_prune",
        )
    },
)
