"""What the studio knows of pixel transformers: everything else is derived from this."""

from ..instruments import Instrument
from .lesson import PixelsLesson

INSTRUMENT = Instrument(
    name="pixels",
    title="Pixel transformers",
    summary="A language model that speaks colour: it draws pictures token by token, or finishes yours",
    start="model:pixels-photographs",
    lessons=(PixelsLesson,),
)
