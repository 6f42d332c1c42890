"""S3 Control addressed by the account's host name, as the AWS SDKs do.

Gap: MiniStack takes the account from the header `x-amz-account-id` only, which the SDK for Go does not send.

AWS ("PutPublicAccessBlock" of S3 Control): the host name is `ACCOUNT_ID.s3-control.REGION.amazonaws.com`.
Here it is `ACCOUNT_ID.` before the emulator's own. Whether the caller belongs to that account is checked as
for the header.
"""

import re

_PREFIX = "/v20180820/"
_ACCOUNT_HOST = re.compile(r"([0-9]{12})\.(.+)")
_HEADER = b"x-amz-account-id"

Headers = list[tuple[bytes, bytes]]


def without_account(path: str, headers: Headers) -> Headers:
    """The headers of a request as the rest of the emulator takes them: the account in a separate header.

    Who names one account by the host and another by the header names none.
    """
    host = next((value for name, value in headers if name.lower() == b"host"), b"").decode("latin-1")
    found = _ACCOUNT_HOST.fullmatch(host)
    if found is None or not path.startswith(_PREFIX):
        return headers
    account, rest = found.groups()
    kept = [(name, rest.encode() if name.lower() == b"host" else value) for name, value in headers]
    named = {value for name, value in headers if name.lower() == _HEADER}
    if named - {account.encode()}:
        return [each for each in kept if each[0].lower() != _HEADER] + [(_HEADER, b"")]
    return kept if named else [*kept, (_HEADER, account.encode())]
