"""Profiles for a person's `~/.aws/config`: the central account, and every role that the person may assume.

    iam-hardening client-config --person Administrator --device Administrator-phone --tool awsume

Both tools take an MFA session first and the role with that (docs/decisions/0009). AWSume does it
automatically: it finds the MFA device on the source profile. The AWS CLI wants the session in the
environment, so the commands for it are printed above its profiles. Source: AWS CLI User Guide, "Using an
IAM role in the AWS CLI"; AWSume, "Configure your profiles".
"""

import configparser
import io
import sys
from collections.abc import Mapping
from pathlib import Path

from iam_hardening import config, exit_status
from iam_hardening.aws.naming import mfa_device_arn, role_arn
from iam_hardening.claims.assuming import assumable
from iam_hardening.config.files import settings_of

AWS_CLI, AWSUME = "aws", "awsume"


def profiles(
    stacks: Mapping[str, config.Settings], *, person: str, device: str, tool: str
) -> dict[str, dict[str, str]]:
    """Profile name → its keys. `person` is a user of a central stack."""
    name, central = next((n, s) for n, s in stacks.items() if s.is_central and person in s.users)
    serial = mfa_device_arn(central.partition, central.account_id, device)
    source = {"region": central.region}
    if tool == AWSUME:
        source["mfa_serial"] = serial
    found = {name: source}
    how = {"source_profile": name} if tool == AWSUME else {"credential_source": "Environment"}
    for stack, account, role in assumable(stacks, central, person):
        found[f"{stack}-{role}"] = {
            "role_arn": role_arn(account.partition, account.account_id, role),
            **how,
            "role_session_name": person,
            "region": account.region,
        }
    return found


_SESSION = """\
# First an MFA session, in this shell only (bash):
#   session=$(aws sts get-session-token --profile {central} --serial-number {serial} \\
#     --query 'Credentials.[AccessKeyId,SecretAccessKey,SessionToken]' --output text --token-code CODE)
#   read -r AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN <<< "$session"; unset session
#   export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
# Then, for example: aws s3 ls --profile ROLE'S-PROFILE
# The CLI can also ask for the code itself; AWS does not document whether that lets you in
# (docs/decisions/0009). For that, in a role's profile instead of credential_source:
#   source_profile = {central}
#   mfa_serial = {serial}

"""


def session_commands(stacks: Mapping[str, config.Settings], *, person: str, device: str) -> str:
    """How to get the MFA session that the AWS CLI's role profiles start from, as comments."""
    name, central = next((n, s) for n, s in stacks.items() if s.is_central and person in s.users)
    serial = mfa_device_arn(central.partition, central.account_id, device)
    return _SESSION.format(central=name, serial=serial)


def as_ini(found: Mapping[str, Mapping[str, str]]) -> str:
    """As `~/.aws/config` writes it."""
    file = configparser.ConfigParser(interpolation=None)
    for profile, keys in found.items():
        file[f"profile {profile}"] = dict(keys)
    text = io.StringIO()
    file.write(text)
    return text.getvalue().strip() + "\n"


def run(
    *,
    person: str,
    device: str,
    tool: str = "aws",
    stack_files: Path | None = None,
) -> int:
    try:
        stacks = settings_of(Path.cwd(), stack_files=stack_files, needed=[], central=True)
    except config.ConfigError as error:
        print(error, file=sys.stderr)
        return exit_status.COULD_NOT_RUN
    people = sorted(person for stack in stacks.values() for person in stack.users)
    if person not in people:
        print(f"--person {person}: no such user; known: {', '.join(people)}", file=sys.stderr)
        return exit_status.COULD_NOT_RUN
    if tool == AWS_CLI:
        print(session_commands(stacks, person=person, device=device), end="")
    print(as_ini(profiles(stacks, person=person, device=device, tool=tool)), end="")
    return exit_status.HOLDS
