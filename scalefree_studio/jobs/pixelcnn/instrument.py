"""What the studio knows of PixelCNN: everything else is derived from this."""

from ..instruments import Instrument
from .lesson import PixelCNNLesson

INSTRUMENT = Instrument(
    name="pixelcnn",
    title="PixelCNN",
    summary="A network that learns many pictures, and then draws new ones pixel by pixel",
    start="model:mnist",
    lessons=(PixelCNNLesson,),
)
