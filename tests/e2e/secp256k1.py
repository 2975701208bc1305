"""Keys and recoverable signatures on secp256k1 (SEC 2), for tests: neither quick nor safe from who measures its time."""
import hashlib

from keccak import keccak256

P = 2**256 - 2**32 - 977
N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141
G = (0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798,
     0x483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8)


def _plus(a, b):
    if a is None or b is None:
        return a or b
    if a[0] == b[0]:
        if (a[1] + b[1]) % P == 0:
            return None
        slope = 3 * a[0] * a[0] * pow(2 * a[1], -1, P)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def _times(number, point=G):
    total = None
    while number:
        if number & 1:
            total = _plus(total, point)
        point = _plus(point, point)
        number >>= 1
    return total


class Key:
    """A private key made of any text: the same text, the same key."""

    def __init__(self, text):
        self.secret = int.from_bytes(keccak256(text.encode()), "big") % N
        x, y = _times(self.secret)
        self.public = x.to_bytes(32, "big") + y.to_bytes(32, "big")
        self.address = "0x" + keccak256(self.public)[12:].hex()

    def sign(self, digest):
        """r, s, v (27 or 28) over 32 bytes."""
        seed = hashlib.sha256(self.secret.to_bytes(32, "big") + digest).digest()
        k = int.from_bytes(seed, "big") % N
        x, y = _times(k)
        r, odd = x % N, y & 1
        s = pow(k, -1, N) * (int.from_bytes(digest, "big") + r * self.secret) % N
        if s > N // 2:
            s, odd = N - s, odd ^ 1
        return r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([27 + odd])

    def sign_message(self, message):
        """EIP-191, as eth_sign."""
        return self.sign(keccak256(b"\x19Ethereum Signed Message:\n%d" % len(message) + message))


def public_of(secret):
    """The 64 bytes of a private key's public one."""
    x, y = _times(secret)
    return x.to_bytes(32, "big") + y.to_bytes(32, "big")
