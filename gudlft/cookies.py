"""Session cookies: signed with the time by machines whose clocks differ a little, and read by them."""

from itsdangerous import SignatureExpired, TimestampSigner, URLSafeTimedSerializer, base64_encode

from .sign_outs import CLOCKS_DIFFER

LONGEST_UNCOMPRESSED = 500  # bytes


class PatientSigner(TimestampSigner):
    """Signs with the time, and takes what a machine signed whose clock is ahead a little."""

    def unsign(self, signed_value, max_age=None, return_timestamp=False):
        """Return the value, and when it was signed; raise SignatureExpired after max_age, in seconds."""
        value, signed_at = super().unsign(signed_value, return_timestamp=True)
        age = self.get_timestamp() - signed_at.timestamp()
        if max_age is not None and not -CLOCKS_DIFFER.total_seconds() <= age <= max_age:
            raise SignatureExpired(f"Signature age {age} is not up to {max_age} seconds", payload=value)
        return (value, signed_at) if return_timestamp else value


class CookieSerializer(URLSafeTimedSerializer):
    """Writes and reads cookies in plain JSON. Flask's own has types, and is always compressed: 15 % of a page."""

    default_signer = PatientSigner

    def dump_payload(self, obj):
        """Return the text of a cookie; only a long one, with long names, is compressed."""
        text = self.serializer.dumps(obj).encode()
        if len(text) <= LONGEST_UNCOMPRESSED:
            return base64_encode(text)
        return super().dump_payload(obj)
