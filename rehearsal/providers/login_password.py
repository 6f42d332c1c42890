"""The initial console password, which the real provider makes itself: random, or encrypted to a PGP key.

AWS never shows it again. With a key, the state has `encryptedPassword` (base64 of an OpenPGP message) and
`keyFingerprint` instead of `password`.
"""

import base64
import binascii
import secrets
import string

from pysequoia import Cert, encrypt

from rehearsal.providers.rows import FakeProviderError
from rehearsal.providers.values import Properties

# AWS's own list, less the quote and the bar, which are awkward to type and to paste.
SYMBOLS = "!@#$%^&*()_+-=[]{}"

_CLASSES = (string.ascii_lowercase, string.ascii_uppercase, string.digits, SYMBOLS)


def random_password(length: int) -> str:
    """A password with every class of character that an account password policy can ask for."""
    if length < len(_CLASSES):
        raise FakeProviderError(
            f"passwordLength is {length}; a password needs at least {len(_CLASSES)} characters"
        )
    while True:
        password = "".join(secrets.choice("".join(_CLASSES)) for _ in range(length))
        if all(any(character in members for character in password) for members in _CLASSES):
            return password


def prepare_login_profile(properties: Properties) -> Properties:
    """The password for the call, and what of it goes into the state."""
    key = properties.get("pgpKey")
    recipient = _certificate(key) if key else None
    password = random_password(properties["passwordLength"])
    if recipient is None:
        return {"_password": password, "password": password}
    try:
        message = encrypt(password.encode(), recipients=[recipient], armor=False)
    except Exception as error:  # pysequoia raises plain Exceptions
        raise FakeProviderError(f"pgpKey cannot be encrypted to: {error}") from error
    return {
        "_password": password,
        "encryptedPassword": base64.b64encode(message).decode(),
        "keyFingerprint": recipient.fingerprint,
    }


def _certificate(key: str) -> Cert:
    if key.startswith("keybase:"):
        raise FakeProviderError(
            "pgpKey names a Keybase user, and the rehearsal stays off the internet: give the base64 key"
        )
    try:
        # Armored text is no base64; the real provider takes only base64, so this does too.
        return Cert.from_bytes(base64.b64decode("".join(key.split()), validate=True))
    except binascii.Error as error:
        raise FakeProviderError(
            "pgpKey is neither base64 of an OpenPGP public key nor keybase:USER"
        ) from error
    except Exception as error:  # pysequoia raises plain Exceptions
        raise FakeProviderError(f"pgpKey is not an OpenPGP public key: {error}") from error
