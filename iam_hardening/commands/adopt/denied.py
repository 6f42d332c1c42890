"""Who gets a denial by the up, and what of theirs stops with it: people without a device, keys and other
credentials in use, roles.

A denial that asks for MFA applies to every credential that carries none: access keys, SSH keys and
passwords for CodeCommit, passwords for Keyspaces, API keys for Bedrock, signing certificates.

Source: IAM User Guide, "Configuring MFA-protected API access", "Use IAM with CodeCommit".
"""

from collections.abc import Iterator, Sequence

from iam_hardening.clients.reads import NotAllowed, answer_of
from iam_hardening.clients.user_belongings import Belonging
from iam_hardening.commands.adopt.after_the_up import AfterTheUp, Denial, Holder, named, some
from iam_hardening.commands.adopt.caller import Caller


def callers(up: AfterTheUp, caller: Caller) -> Iterator[str]:
    denials = up.denied.get(("user", caller.user or ""), [])
    if not denials or caller.user is None:
        return
    yield caller.under(
        [str(denial) for denial in denials],
        mfa_alone=all(denial.about_mfa for denial in denials),
        has_device=caller.is_temporary and _may_have_device(up, caller.user),
    )


def _may_have_device(up: AfterTheUp, user: str) -> bool:
    try:
        return bool(up.existing.devices(user))
    except NotAllowed:
        return True


def identities(up: AfterTheUp, caller: Caller) -> Iterator[str]:
    for who, denials in up.denied.items():
        kind, name = who
        joining, use = "", ""
        if kind == "user":
            joins = sorted(up.now.groups_of[name] - up.then.groups_of.get(name, frozenset()))
            joining = f" joins {', '.join(joins)} and" if joins else ""
        else:
            use = f" ({up.existing.use_of_role(name)})"
        # A user who calls has a sentence already.
        you = caller.is_meant(kind, name) if kind == "role" else ""
        yield f"{named(who)}{use}{joining} gets the denials of {' and '.join(map(str, denials))}{you}"


def without_device(up: AfterTheUp) -> Iterator[str]:
    for user, denials in _users(up):
        if any(denial.about_mfa for denial in denials) and not up.existing.devices(user):
            yield (
                f"user {user}, without an MFA device, can only enrol one after the up (docs/people.md): have "
                "the device enrolled first, or leave the person out of the group for now"
            )


def access_keys(up: AfterTheUp) -> Iterator[str]:
    for user, denials in _users(up):
        for key in up.existing.access_keys(user):
            if key["Status"] == "Active":
                used = f"the access key {key['AccessKeyId']} ({up.existing.use_of_key(key['AccessKeyId'])})"
                yield f"user {user}: {_stops(f'{used} without MFA', used, denials)}"


def other_credentials(up: AfterTheUp, credential: Belonging, action: str) -> Iterator[str]:
    """SSH keys, service-specific credentials or signing certificates. When these were last used, AWS does
    not report."""
    call = getattr(up.existing.iam, credential.list_call)
    for user, denials in _users(up):
        answer = answer_of(action, call, ("NoSuchEntity",), UserName=user) or {}
        for item in answer.get(credential.items, []):
            if item.get("Status") == "Active":
                service = f" for {item['ServiceName']}" if "ServiceName" in item else ""
                used = f"the {credential.words} {item[credential.parameter]}{service}"
                yield f"user {user}: {_stops(f'{used}, which carries no MFA,', used, denials)}"


def _users(up: AfterTheUp) -> Iterator[tuple[str, list[Denial]]]:
    return ((name, denials) for (kind, name), denials in up.denied.items() if kind == "user")


def _stops(without_mfa: str, used: str, denials: Sequence[Denial]) -> str:
    if any(denial.is_new and denial.about_mfa for denial in denials):
        return (
            f"everything that uses {without_mfa} is refused after the up; give it a role, or a user "
            "outside these "
            "groups, first"
        )
    return (
        f"everything that uses {used} is subject to the denials of {' and '.join(map(str, denials))}, "
        "too; look at what it "
        "calls, and give it a role, or a user outside these groups, first"
    )


def not_judged(up: AfterTheUp) -> Iterator[str]:
    for name, why in up.judged.not_judged.items():
        holders: list[Holder] = [who for who, own in up.gained.items() if name in own]
        holders += up.holders(name)
        if holders:
            yield f"policy {name}, which holds for {some(map(named, holders))}: not judged, because {why}"
