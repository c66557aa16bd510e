"""A decoding plugin for pydicom: 12-bit JPEG Extended through GDCM. Only the reader process loads it.

pydicom's own GDCM plugin declines more than 8 bits in this transfer syntax; GDCM 3.2 decodes them, and
gives what its complete file reader gives. The module's shape is that of pydicom's decoding plugins.
"""

from __future__ import annotations

import gdcm
from pydicom.pixels.decoders.base import DecodeRunner, get_decoder
from pydicom.uid import JPEGExtended12Bit

DECODER_DEPENDENCIES = {JPEGExtended12Bit: ("gdcm>=3.2",)}
_PLUGIN = "gdcm-12-bit"


def is_available(uid: str) -> bool:
    """Tell whether this plugin decodes a transfer syntax."""
    return uid in DECODER_DEPENDENCIES


def decode_frame(stream: bytes, runner: DecodeRunner) -> bytes:
    """Return the samples of one monochrome frame, 16 bits each, little endian."""
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(stream)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())

    picture = gdcm.Image()
    picture.SetNumberOfDimensions(2)
    picture.SetDimensions((runner.columns, runner.rows, 1))
    picture.SetDataElement(element)
    kind = gdcm.PhotometricInterpretation.GetPIType(str(runner.photometric_interpretation))
    picture.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(kind))
    syntax = gdcm.TransferSyntax.GetTSType(str(JPEGExtended12Bit))
    picture.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    picture.SetPixelFormat(gdcm.PixelFormat(1, runner.bits_allocated, runner.bits_stored, runner.bits_stored - 1, 0))
    samples: str = picture.GetBuffer()  # bytes in the disguise of text
    return samples.encode("utf-8", "surrogateescape")


def register() -> None:
    """Make pydicom use this plugin; calling it again changes nothing."""
    decoder = get_decoder(JPEGExtended12Bit)
    if _PLUGIN not in decoder.available_plugins:
        decoder.add_plugin(_PLUGIN, (__name__, decode_frame.__name__))
