"""Keccak-256 as Ethereum uses it, which Python's hashlib has not (its SHA-3 pads otherwise). Slow, for tests."""
MASK = (1 << 64) - 1


def _round_constants():
    constants, register = [], 1
    for _ in range(24):
        constant = 0
        for j in range(7):
            if register & 1:
                constant |= 1 << ((1 << j) - 1)
            register = (register << 1) ^ (0x171 if register & 0x80 else 0)
        constants.append(constant)
    return constants


ROUNDS = _round_constants()


def _moves():
    """Steps rho and pi: for each word, which one comes there, turned left by how much (and right by the rest)."""
    moves, x, y, current = [(0, 0, 64)] * 25, 1, 0, 1
    for t in range(24):
        x, y = y, (2 * x + 3 * y) % 5
        left = (t + 1) * (t + 2) // 2 % 64
        moves[x + 5 * y] = current, left, 64 - left
        current = x + 5 * y
    return moves


MOVES = _moves()
# Step chi: each word with the two to its right.
RIGHT = [(i, i - i % 5 + (i + 1) % 5, i - i % 5 + (i + 2) % 5) for i in range(25)]


def _permute(a):
    for constant in ROUNDS:
        c = [a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20] for x in range(5)]
        d = [c[x - 1] ^ (c[(x + 1) % 5] << 1 & MASK | c[(x + 1) % 5] >> 63) for x in range(5)] * 5
        a = [word ^ turn for word, turn in zip(a, d)]
        a = [a[source] << left & MASK | a[source] >> right for source, left, right in MOVES]
        a = [a[i] ^ ~a[j] & a[k] for i, j, k in RIGHT]
        a[0] ^= constant
    return a


def keccak256(data):
    rate = 136
    padded = bytearray(data) + b"\x01" + bytes(-(len(data) + 1) % rate)
    padded[-1] |= 0x80
    state = [0] * 25
    for start in range(0, len(padded), rate):
        for i in range(rate // 8):
            state[i] ^= int.from_bytes(padded[start + 8 * i:start + 8 * i + 8], "little")
        state = _permute(state)
    return b"".join(word.to_bytes(8, "little") for word in state[:4])
