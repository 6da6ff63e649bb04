"""Session cookies, signed with the time: the clocks of the machines that share them may differ a little."""

from itsdangerous import SignatureExpired, TimestampSigner, URLSafeTimedSerializer, base64_encode

from .journal.revocations import CLOCKS_DIFFER


class ClockSkewSigner(TimestampSigner):
    """A signer that adds the time, and accepts what was signed by a machine whose clock is a little ahead."""

    def unsign(self, signed_value, max_age=None, return_timestamp=True):
        """Return the value, and when it was signed; raise SignatureExpired unless its age is up to max_age seconds."""
        value, signed_at = super().unsign(signed_value, return_timestamp=True)
        age = self.get_timestamp() - signed_at.timestamp()
        if not -CLOCKS_DIFFER.total_seconds() <= age <= max_age:
            raise SignatureExpired(f"Signature age {age} is not up to {max_age} seconds", payload=value)
        return value, signed_at


class CookieSerializer(URLSafeTimedSerializer):
    """A serializer of cookies in plain JSON. Flask's own keeps types and compresses: 15 % of a page."""

    default_signer = ClockSkewSigner

    def dump_payload(self, obj):
        """Return the payload of a cookie."""
        return base64_encode(self.serializer.dumps(obj))
