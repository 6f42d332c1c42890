"""What a user can have in addition to keys, a password and devices: SSH keys, service credentials,
certificates.

Gap: MiniStack has none of UploadSSHPublicKey, CreateServiceSpecificCredential, UploadSigningCertificate, or
what lists and deletes them.

AWS ("UploadSSHPublicKey" and its neighbours): each belongs to a user, who is not deleted while one is left
("DeleteUser": DeleteConflict). What they are good for, CodeCommit, Keyspaces and SOAP, is not emulated; the
bodies are not looked at, and a service credential's password is none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import uuid4

from rehearsal.emulator.upstream import (
    Handler,
    Parameters,
    Response,
    account_id,
    iam,
    iam_answer,
    iam_handlers,
    parameter,
    refuse,
)


@dataclass(frozen=True)
class _Kind:
    """The calls' names, and the fields of one item in their answers."""

    make: str
    one: str
    many: str
    id_field: str
    prefix: str
    fields: Mapping[str, str]

    @property
    def list_call(self) -> str:
        return f"List{self.one}s"


_STATUS = {"Status": "Active"}
_KINDS = (
    _Kind(
        "UploadSSHPublicKey",
        "SSHPublicKey",
        "SSHPublicKeys",
        "SSHPublicKeyId",
        "APKA",
        {**_STATUS, "UploadDate": "2026-01-01T00:00:00Z"},
    ),
    _Kind(
        "CreateServiceSpecificCredential",
        "ServiceSpecificCredential",
        "ServiceSpecificCredentials",
        "ServiceSpecificCredentialId",
        "ACCA",
        {**_STATUS, "ServiceName": "codecommit.amazonaws.com", "CreateDate": "2026-01-01T00:00:00Z"},
    ),
    _Kind(
        "UploadSigningCertificate",
        "SigningCertificate",
        "Certificates",
        "CertificateId",
        "ASCA",
        {**_STATUS, "CertificateBody": "emulated", "UploadDate": "2026-01-01T00:00:00Z"},
    ),
)

# (account, user, kind's id field) → ids, in the order in which they were made.
_owned: dict[tuple[str, str, str], list[str]] = {}


def has_any(user_name: str) -> bool:
    return any(
        ids for (account, name, _), ids in _owned.items() if (account, name) == (account_id(), user_name)
    )


def signing_certificates(user_name: str) -> list[str]:
    """When each of the user's signing certificates was uploaded."""
    ids = _owned.get((account_id(), user_name, "CertificateId")) or []
    return ["2026-01-01T00:00:00Z" for _ in ids]


def _ids(kind: _Kind, user_name: str) -> list[str]:
    return _owned.setdefault((account_id(), user_name, kind.id_field), [])


def _item(kind: _Kind, user_name: str, identifier: str) -> str:
    fields = {"UserName": user_name, kind.id_field: identifier, **kind.fields}
    return "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())


def _of_a_user(handler: Handler) -> Handler:
    def checked(parameters: Parameters) -> Response:
        name = parameter(parameters, "UserName")
        if name not in iam._users:
            return refuse(404, "NoSuchEntity", f"The user with name {name} cannot be found.")
        return handler(parameters)

    return checked


def _making(kind: _Kind) -> Handler:
    def handle(parameters: Parameters) -> Response:
        name = parameter(parameters, "UserName")
        identifier = f"{kind.prefix}{uuid4().hex[:20].upper()}"
        _ids(kind, name).append(identifier)
        element = "Certificate" if kind.one == "SigningCertificate" else kind.one
        return iam_answer(kind.make, f"<{element}>{_item(kind, name, identifier)}</{element}>")

    return handle


def _listing(kind: _Kind) -> Handler:
    def handle(parameters: Parameters) -> Response:
        name = parameter(parameters, "UserName")
        members = "".join(f"<member>{_item(kind, name, each)}</member>" for each in _ids(kind, name))
        return iam_answer(
            kind.list_call, f"<{kind.many}>{members}</{kind.many}><IsTruncated>false</IsTruncated>"
        )

    return handle


def _deleting(kind: _Kind) -> Handler:
    def handle(parameters: Parameters) -> Response:
        ids, identifier = _ids(kind, parameter(parameters, "UserName")), parameter(parameters, kind.id_field)
        if identifier not in ids:
            return refuse(404, "NoSuchEntity", f"{identifier} cannot be found.")
        ids.remove(identifier)
        return iam_answer(f"Delete{kind.one}")

    return handle


def apply() -> None:
    for kind in _KINDS:
        iam_handlers[kind.make] = _of_a_user(_making(kind))
        iam_handlers[kind.list_call] = _of_a_user(_listing(kind))
        iam_handlers[f"Delete{kind.one}"] = _of_a_user(_deleting(kind))
