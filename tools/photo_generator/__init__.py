"""Photos that look like what phones take of VINs, drawn from a seed; none is of a real vehicle.

Good ones (`samples`), ones without a VIN (`negatives`), broken files (`bad`), one over the
API's size limit (`oversize`), and the set kept in ``events/photos`` (`committed`).
"""

from photo_generator.broken import OVERSIZE_LIMIT, bad, oversize
from photo_generator.catalogue import KINDS, samples
from photo_generator.committed import SEED, committed
from photo_generator.negatives import NEGATIVE_KINDS, negatives
from photo_generator.sample import NO_VIN, READING, Sample

__all__ = [
    "KINDS",
    "NEGATIVE_KINDS",
    "NO_VIN",
    "OVERSIZE_LIMIT",
    "READING",
    "SEED",
    "Sample",
    "bad",
    "committed",
    "negatives",
    "oversize",
    "samples",
]
