"""Session cookies, signed with the time: the clocks of the machines that share them may differ a little."""

from itsdangerous import SignatureExpired, TimestampSigner, URLSafeTimedSerializer, base64_encode

from .journal.revocations import CLOCKS_DIFFER

LONGEST_UNCOMPRESSED = 500  # bytes


class ClockSkewSigner(TimestampSigner):
    """A signer that adds the time, and accepts what was signed by a machine whose clock is a little ahead."""

    default_key_derivation = "none"

    def unsign(self, signed_value, max_age=None, return_timestamp=False):
        """Return the value, and when it was signed; raise SignatureExpired unless its age is up to max_age seconds."""
        value, signed_at = super().unsign(signed_value, return_timestamp=True)
        age = self.get_timestamp() - signed_at.timestamp()
        if max_age is not None and not -CLOCKS_DIFFER.total_seconds() <= age <= max_age:
            raise SignatureExpired(f"Signature age {age} is not up to {max_age} seconds", payload=value)
        return (value, signed_at) if return_timestamp else value


class CookieSerializer(URLSafeTimedSerializer):
    """A serializer of cookies in plain JSON. Flask's own keeps types and always compresses: 15 % of a page."""

    default_signer = ClockSkewSigner

    def __init__(self, secret_key, salt):
        """Derive the key of all cookies once: deriving it at each request would take 3 % of a page."""
        key = ClockSkewSigner(secret_key, salt, key_derivation="hmac").derive_key()
        super().__init__(key, salt)

    def dump_payload(self, obj):
        """Return the payload of a cookie; only a long one, with long names, is compressed."""
        text = self.serializer.dumps(obj).encode()
        if len(text) <= LONGEST_UNCOMPRESSED:
            return base64_encode(text)
        return super().dump_payload(obj)
