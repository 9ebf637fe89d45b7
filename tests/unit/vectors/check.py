#!/usr/bin/env python3
"""A second implementation of docs/digest.md, to hold the first against: meets every vector or exits 1."""

import hashlib
import json
import struct
import sys
from pathlib import Path

ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def text_of(text):
    return '"' + "".join(ESCAPES.get(c) or (f"\\u{ord(c):04x}" if c < " " else c) for c in text) + '"'


def number_of(value):
    """ECMAScript's Number::toString for a double."""
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, exponent = f"{abs(value)!r}e0".split("e")[:2] if "e" not in repr(value) else repr(abs(value)).split("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent) - (len(whole + fraction) - len((whole + fraction).lstrip("0")))
    digits = digits.rstrip("0") or "0"
    count = len(digits)
    if count <= point <= 21:
        return sign + digits + "0" * (point - count)
    if 0 < point <= 21:
        return sign + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    mark = "+" if point - 1 >= 0 else "-"
    return sign + digits[0] + ("." + digits[1:] if count > 1 else "") + "e" + mark + str(abs(point - 1))


def canonical(value):
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return number_of(value)
    if isinstance(value, str):
        return text_of(value)
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    names = sorted(value, key=lambda name: name.encode("utf-16-be"))
    return "{" + ",".join(text_of(name) + ":" + canonical(value[name]) for name in names) + "}"


def framed(fields):
    data = b"".join(struct.pack(">Q", len(field.encode())) + field.encode() for field in fields)
    return "sha256:" + hashlib.sha256(data).hexdigest()


def main():
    vectors = json.loads((Path(__file__).parent / "digest.json").read_text())
    wrong = 0
    for vector in vectors["canonical"]:
        form = canonical(json.loads(vector["json"]))
        digest = "sha256:" + hashlib.sha256(form.encode()).hexdigest()
        if form != vector["canonical"] or digest != vector["digest"]:
            wrong += 1
            print(f"{vector['json']}: {form} {digest}", file=sys.stderr)
    for vector in vectors["binding"]:
        if framed(["holdpoint-binding/1", *vector["fields"]]) != vector["digest"]:
            wrong += 1
            print(f"binding {vector['fields']}", file=sys.stderr)
    print(f"{len(vectors['canonical']) + len(vectors['binding'])} vectors, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
