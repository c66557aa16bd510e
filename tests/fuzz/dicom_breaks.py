"""Break DICOM files element by element: tags, value representations, lengths, values, sequences, compressed streams."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from tests.fuzz import jpeg_breaks

_LONG = {b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UC", b"UR", b"UT", b"UN", b"SV", b"UV"}  # PS3.5 7.1.2
_SHORT = (b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FL", b"FD", b"IS", b"LO", b"LT", b"PN", b"SH", b"SL")
_VRS = (*sorted(_LONG), *_SHORT, b"SS", b"ST", b"TM", b"UI", b"UL", b"US", b"ZZ", b"\0\0", b"??")
_LENGTHS = (0, 1, 2, 3, 0xFFFF, 0xFFFE, 0x10000, 2**24, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1)
_UNDEFINED = 2**32 - 1
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_SYNTAXES: tuple[bytes, ...] = (
    b"1.2.840.10008.1.2",
    b"1.2.840.10008.1.2.1",
    b"1.2.840.10008.1.2.2",
    _DEFLATED,
    b"1.2.840.10008.1.2.5",
)
_SYNTAXES += tuple(b"1.2.840.10008.1.2.4." + number for number in (b"50", b"51", b"57", b"70", b"80", b"90", b"91"))
_SYNTAXES += (b"1.2.840.10008.1.2.4.100", b"1.2.840.10008.1.2.4.201", b"", b"1.2.3", b"\xff\xff", b"1" * 64)

_US = tuple(struct.pack("<H", number) for number in (0, 1, 2, 3, 8, 12, 16, 32, 64, 56, 300, 0x7FFF, 0x8000, 0xFFFF))
_DS: tuple[bytes, ...] = (
    b"nan",
    b"inf",
    b"-inf",
    b"1e308",
    b"-1e308",
    b"1e-308",
    b"0",
    b"-1",
    b"",
    b" ",
    b"\0",
    b"9" * 400,
    b"1\\2\\3",
)
_DS += (b"0x10", b"1,5", b"\xff", b"1e99999", b"--1")
_TEXTS = (
    b"",
    b"A" * 70_000,
    b"\xff\xfe",
    b"\x1b$B\x1b(B" * 50,
    b"^^^^=^^=^",
    b"\\" * 5_000,
    b"\0" * 64,
    b"<b>&'\"",
    b"\n",
)
_CHARSETS = (
    b"ISO 2022 IR 87\\ISO 2022 IR 13",
    b"GB18030",
    b"ISO_IR 192",
    b"utf-7",
    b"idna",
    b"zlib",
    b"hex",
    b"\\" * 99,
)
_FIELDS: dict[tuple[int, int], tuple[bytes, tuple[bytes, ...]]] = {
    (0x0028, 0x0002): (b"US", _US),
    (0x0028, 0x0004): (
        b"CS",
        (b"MONOCHROME1 ", b"RGB ", b"PALETTE COLOR ", b"YBR_FULL_422", b"YBR_RCT ", b"ARGB", b""),
    ),
    (0x0028, 0x0006): (b"US", _US),
    (0x0028, 0x0008): (b"IS", (b"0 ", b"-1", b"1 ", b"2147483648", b"x ", b"1e3 ")),
    (0x0028, 0x0010): (b"US", _US),
    (0x0028, 0x0011): (b"US", _US),
    (0x0028, 0x0100): (b"US", _US),
    (0x0028, 0x0101): (b"US", _US),
    (0x0028, 0x0102): (b"US", _US),
    (0x0028, 0x0103): (b"US", _US),
    (0x0028, 0x0120): (b"US", _US),
    (0x0028, 0x1050): (b"DS", _DS),
    (0x0028, 0x1051): (b"DS", _DS),
    (0x0028, 0x1052): (b"DS", _DS),
    (0x0028, 0x1053): (b"DS", _DS),
    (0x0028, 0x1056): (b"CS", (b"SIGMOID ", b"LINEAR_EXACT", b"LINEAR", b"X" * 300)),
    (0x0028, 0x3002): (b"US", tuple(a + b + c for a in _US[::4] for b in _US[::5] for c in _US[::3])),
    (0x0008, 0x0005): (b"CS", _CHARSETS),
    (0x0008, 0x0060): (b"CS", (b"CR", b"CT", b"", b"OT")),
    (0x0010, 0x0010): (b"PN", _TEXTS),
    (0x0010, 0x0020): (b"LO", _TEXTS),
    (0x0010, 0x0030): (b"DA", (*_TEXTS, b"99999999", b"00000000", b"20240231")),
    (0x0010, 0x1010): (b"AS", (*_TEXTS, b"999Y", b"-01Y")),
    (0x0018, 0x0015): (b"CS", _TEXTS),
    (0x0018, 0x5101): (b"CS", _TEXTS),
    (0x0020, 0x000D): (b"UI", (*_TEXTS, b"1.2.3", b"9" * 2_000)),
    (0x0020, 0x0020): (b"CS", (*_TEXTS, b"L\\F")),
    (0x7FE0, 0x0001): (b"OV", (b"", bytes(8), b"\xff" * 8)),
    (0x7FE0, 0x0008): (b"OF", (b"", bytes(10_752), b"\xff" * 10_752)),
}


@dataclass(frozen=True)
class Element:
    """One element as it is written; the length may lie."""

    tag: tuple[int, int]
    vr: bytes  # b"" in implicit encoding
    length: int
    value: bytes
    order: str

    def written(self) -> bytes:
        head = struct.pack(f"{self.order}HH", *(part % 2**16 for part in self.tag))
        if not self.vr:
            return head + struct.pack(f"{self.order}I", self.length % 2**32) + self.value
        if self.vr in _LONG:
            return head + self.vr + struct.pack(f"{self.order}HI", 0, self.length % 2**32) + self.value
        return head + self.vr + struct.pack(f"{self.order}H", self.length % 2**16) + self.value

    def holding(self, value: bytes) -> Element:
        return replace(self, value=value, length=_UNDEFINED if self.length == _UNDEFINED else len(value))


def elements_in(content: bytes, *, order: str = "<") -> list[Element]:
    """Return the elements of a data set as far as it can be followed; the rest hangs on the last one."""
    found: list[Element] = []
    position = 0
    while position + 8 <= len(content):
        tag: tuple[int, int] = struct.unpack_from(f"{order}HH", content, position)
        vr = content[position + 4 : position + 6]
        if not (vr.isalpha() and vr.isupper()):
            vr, (length,), start = b"", struct.unpack_from(f"{order}I", content, position + 4), position + 8
        elif vr in _LONG and position + 12 <= len(content):
            (length,), start = struct.unpack_from(f"{order}I", content, position + 8), position + 12
        else:
            (length,), start = struct.unpack_from(f"{order}H", content, position + 6), position + 8
        end = len(content) if length == _UNDEFINED else start + length
        found.append(Element(tag, vr, length, content[start:end], order))
        position = end
    if found and position < len(content):
        found[-1] = replace(found[-1], value=found[-1].value + content[position:])
    return found


def _in_elements(change: Callable[[Random, list[Element]], None]) -> Callable[[Random, bytes], bytes]:
    def broken(choose: Random, content: bytes) -> bytes:
        head = content[:132] if content[128:132] == b"DICM" else b""
        everything = elements_in(content[len(head) :])
        meta = [element for element in everything if element.tag[0] == 2]
        rest = content[len(head) + sum(len(element.written()) for element in meta) :]
        deflated = any(element.value.rstrip(b"\0") == _DEFLATED for element in meta)
        if deflated:
            try:
                rest = zlib.decompress(rest, -zlib.MAX_WBITS)
            except zlib.error:
                deflated = False
        order = ">" if any(element.value.rstrip(b"\0") == _SYNTAXES[2] for element in meta) else "<"
        part = meta if meta and choose.random() < 0.15 else elements_in(rest, order=order)
        if part is not meta:
            rest = b""
        if part:
            change(choose, part)
        body = (b"" if part is meta else b"".join(element.written() for element in part)) + rest
        if deflated:
            packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
            body = packer.compress(body) + packer.flush()
        return head + b"".join(element.written() for element in meta) + body

    return broken


def _length(choose: Random, elements: list[Element]) -> None:
    index = choose.randrange(len(elements))
    element = elements[index]
    near = (element.length - 1, element.length + 1, element.length + 2)
    elements[index] = replace(element, length=choose.choice((*_LENGTHS, *near)))


def _vr(choose: Random, elements: list[Element]) -> None:
    index = choose.randrange(len(elements))
    if elements[index].vr:
        elements[index] = replace(elements[index], vr=choose.choice(_VRS))


def _tag(choose: Random, elements: list[Element]) -> None:
    index = choose.randrange(len(elements))
    private = (choose.choice((0x0009, 0x0029, 0xFFFE, 0x0002, 0x0000)), choose.randrange(2**16))
    elements[index] = replace(elements[index], tag=choose.choice((private, *_FIELDS)))


def _field(choose: Random, elements: list[Element]) -> None:
    """Give a tag that the reading depends on an absurd value."""
    for _ in range(choose.choice((1, 1, 2, 3))):
        tag = choose.choice(list(_FIELDS))
        vr, values = _FIELDS[tag]
        value = choose.choice(values)
        order, explicit = elements[0].order, bool(elements[0].vr)
        if order == ">" and vr == b"US":
            value = b"".join(value[i : i + 2][::-1] for i in range(0, len(value), 2))
        element = Element(tag, vr if explicit else b"", len(value), value, order)
        elements[:] = sorted((*(one for one in elements if one.tag != tag), element), key=lambda one: one.tag)


def _value(choose: Random, elements: list[Element]) -> None:
    index = choose.randrange(len(elements))
    value = bytearray(elements[index].value or b"\0\0")
    for _ in range(choose.choice((1, 4))):
        value[choose.randrange(len(value))] = choose.randrange(256)
    if choose.random() < 0.3:
        value = bytearray(choose.choice((b"", *_TEXTS, *_DS, bytes(value[: len(value) // 2]), bytes(value) * 3)))
    elements[index] = elements[index].holding(bytes(value))


def _order(choose: Random, elements: list[Element]) -> None:
    one, other = choose.randrange(len(elements)), choose.randrange(len(elements))
    elements[one], elements[other] = elements[other], elements[one]


def _repeat(choose: Random, elements: list[Element]) -> None:
    index = choose.randrange(len(elements))
    elements[index:index] = [elements[index]] * choose.choice((1, 2, 100))


def _drop(choose: Random, elements: list[Element]) -> None:
    for _ in range(min(len(elements) - 1, choose.choice((1, 1, 3)))):
        del elements[choose.randrange(len(elements))]


def nested(depth: int, *, explicit: bool, order: str = "<", closed: bool = True) -> bytes:
    """Return the items of a sequence that holds a sequence, and so on."""
    item = struct.pack(f"{order}HHI", 0xFFFE, 0xE000, _UNDEFINED)
    inner = Element((0x0040, 0x0275), b"SQ" if explicit else b"", _UNDEFINED, b"", order).written()
    end = struct.pack(f"{order}HHIHHI", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)
    return (item + inner) * depth + (end * depth if closed else b"")


def _sequence(choose: Random, elements: list[Element]) -> None:
    explicit, order = bool(elements[0].vr), elements[0].order
    items = nested(choose.choice((1, 5, 50, 2000)), explicit=explicit, order=order, closed=choose.random() < 0.7)
    tag = choose.choice(((0x0008, 0x1111), (0x0028, 0x3010), (0x0028, 0x3000), (0x0054, 0x0220), (0x0009, 0x1001)))
    length = choose.choice((_UNDEFINED, len(items), 0))
    elements.insert(choose.randrange(len(elements) + 1), Element(tag, b"SQ" if explicit else b"", length, items, order))


def _private(choose: Random, elements: list[Element]) -> None:
    explicit, order = bool(elements[0].vr), elements[0].order
    for _ in range(choose.choice((1, 300))):
        value = choose.randbytes(choose.choice((0, 3, 16)))
        tag = (choose.choice((0x0009, 0x0011, 0x0029, 0x6000, 0xFFFC)), choose.randrange(2**16))
        vr = choose.choice((b"UN", b"SQ", b"LO", b"OB")) if explicit else b""
        elements.insert(choose.randrange(len(elements) + 1), Element(tag, vr, len(value), value, order))


def _syntax(choose: Random, elements: list[Element]) -> None:
    """Claim another transfer syntax, in the meta information or where it does not belong."""
    value = choose.choice(_SYNTAXES)
    value += b"\0" * (len(value) % 2)
    for index, element in enumerate(elements):
        if element.tag == (0x0002, 0x0010):
            elements[index] = element.holding(value)
            return
    elements.insert(0, Element((0x0002, 0x0010), b"UI", len(value), value, "<"))


def _stream(choose: Random, elements: list[Element]) -> None:
    """Break the compressed pixels, or the items that they lie in."""
    for index, element in enumerate(elements):
        start = element.value.find(b"\xff\xd8\xff")
        if element.tag == (0x7FE0, 0x0010) and start >= 8 and choose.random() < 0.7:
            stream = choose.choice(jpeg_breaks.WAYS)(choose, element.value[start:-8])
            stream += b"\0" * (len(stream) % 2)
            length = struct.pack("<I", len(stream))
            elements[index] = element.holding(element.value[: start - 4] + length + stream + element.value[-8:])
        elif element.tag == (0x7FE0, 0x0010):
            value = bytearray(element.value or b"\0")
            for _ in range(choose.choice((1, 3, 10))):
                value[min(len(value) - 1, choose.choice((choose.randrange(200), choose.randrange(len(value)))))] = (
                    choose.choice((0, 1, 0x7F, 0xFF, choose.randrange(256)))
                )
            elements[index] = element.holding(bytes(value))


WAYS = tuple(
    _in_elements(change)
    for change in (
        *(_length, _vr, _tag, _field, _field, _field, _value, _value, _order, _repeat, _drop),
        *(_sequence, _private, _syntax, _stream, _stream, _stream),
    )
)
