"""Encoding and decoding of Solidity's contract ABI: numbers, bool, address, bytes, string, fixed bytes and dynamic arrays.

Addresses are lower-case hex texts, bytes are bytes, enumerations numbers.
"""


def _dynamic(kind):
    return kind in ("bytes", "string") or kind.endswith("[]")


def _padded(data):
    return data + bytes(-len(data) % 32)


def _encode_one(kind, value):
    if kind.endswith("[]"):
        return len(value).to_bytes(32, "big") + encode([kind[:-2]] * len(value), value)
    if kind in ("bytes", "string"):
        data = value.encode() if kind == "string" else value
        return len(data).to_bytes(32, "big") + _padded(data)
    if kind == "address":
        return bytes.fromhex(value[2:]).rjust(32, b"\0")
    if kind.startswith("bytes"):
        assert len(value) == int(kind[5:]), (kind, value)
        return _padded(value)
    return int(value).to_bytes(32, "big", signed=kind.startswith("int"))


def encode(kinds, values):
    assert len(kinds) == len(values), (kinds, values)
    head, tail = b"", b""
    for kind, value in zip(kinds, values):
        data = _encode_one(kind, value)
        if _dynamic(kind):
            head += (32 * len(kinds) + len(tail)).to_bytes(32, "big")
            tail += data
        else:
            head += data
    return head + tail


def _decode_one(kind, data, at):
    word = data[at:at + 32]
    assert len(word) == 32, f"{kind} at {at}: the data end before"
    if kind.endswith("[]"):
        count = int.from_bytes(word, "big")
        return decode([kind[:-2]] * count, data[at + 32:])
    if kind in ("bytes", "string"):
        text = data[at + 32:at + 32 + int.from_bytes(word, "big")]
        return text.decode() if kind == "string" else text
    if kind == "address":
        return "0x" + word[12:].hex()
    if kind == "bool":
        return {0: False, 1: True}[int.from_bytes(word, "big")]
    if kind.startswith("bytes"):
        return word[:int(kind[5:])]
    return int.from_bytes(word, "big", signed=kind.startswith("int"))


def decode(kinds, data):
    values = []
    for i, kind in enumerate(kinds):
        at = 32 * i
        if _dynamic(kind):
            at = int.from_bytes(data[at:at + 32], "big")
        values.append(_decode_one(kind, data, at))
    return values
