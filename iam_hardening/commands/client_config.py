"""Profiles for a person's `~/.aws/config`: the central account, and every role that the person may assume.

    iam-hardening client-config --person Administrator --device Administrator-phone

Every tool is to take an MFA session first and the role with that (docs/decisions/0009). AWSume and aws-vault
do it; aws-vault only where both profiles name the device. The AWS CLI wants the session in the environment,
where Granted puts one, too: a second profile of each role starts from it.
Source: AWS CLI User Guide, "Using an IAM role in the AWS CLI"; AWSume, "Configure your profiles"; aws-vault,
"MFA"; Granted, `assumer_aws_iam.go`; Leapp, `aws-iam-user-service.ts`, `aws-iam-role-chained-service.ts`.
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

# Who reads the profiles: any of these tools, the AWS CLI alone, or AWSume alone.
ALL, AWS_CLI, AWSUME = "all", "aws", "awsume"


def profiles(
    stacks: Mapping[str, config.Settings], *, person: str, device: str, tool: str = ALL
) -> dict[str, dict[str, str]]:
    """Profile name → its keys: the central account, the roles, the roles from a session. `person` is a user
    of a central stack."""
    name, central = next((n, s) for n, s in stacks.items() if s.is_central and person in s.users)
    serial = mfa_device_arn(central.partition, central.account_id, device)
    by_the_tool = {"source_profile": name, "mfa_serial": serial}
    from_the_session = {"credential_source": "Environment"}
    found = {name: {"region": central.region} | ({} if tool == AWS_CLI else {"mfa_serial": serial})}
    from_sessions = {}
    for stack, account, role in assumable(stacks, central, person):
        profile = f"{stack}-{role}"
        arn = {"role_arn": role_arn(account.partition, account.account_id, role)}
        more = {"role_session_name": person, "region": account.region}
        found[profile] = {**arn, **(from_the_session if tool == AWS_CLI else by_the_tool), **more}
        from_sessions[_from_session(profile)] = {**arn, **from_the_session, **more}
    return found | from_sessions if tool == ALL else found


def _from_session(profile: str) -> str:
    """No other profile's name: in a role's name there is no slash."""
    return f"{profile}/session"


_TOOLS = """\
# AWSume:     awsume {role}
# aws-vault:  once `aws-vault add {central}` for the access key, then: aws-vault exec {role} -- aws s3 ls
# Granted:    assume {central}, then: aws s3 ls --profile {session}
# Leapp:      an IAM User session with the MFA device below, and an IAM Role Chained session upon it
# AWS CLI:    the MFA session below, then: aws s3 ls --profile {session}

"""
_SESSION = """\
# First an MFA session, in this shell only (bash):
#   session=$(aws sts get-session-token --profile {central} --serial-number {serial} \\
#     --query 'Credentials.[AccessKeyId,SecretAccessKey,SessionToken]' --output text --token-code CODE)
#   read -r AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN <<< "$session"; unset session
#   export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
# Then, for example: aws s3 ls --profile {session}
"""
_CODE_IN_THE_CALL = """\
# The CLI can also ask for the code itself; AWS does not document whether that lets you in
# (docs/decisions/0009). For that, in a role's profile instead of credential_source:
#   source_profile = {central}
#   mfa_serial = {serial}
"""


def comments(
    stacks: Mapping[str, config.Settings], found: Mapping[str, object], *, person: str, device: str, tool: str
) -> str:
    """How to use the profiles, as comments: a line for each tool, and how to get the MFA session that the AWS
    CLI's role profiles start from."""
    if tool == AWSUME:
        return ""
    name, central = next((n, s) for n, s in stacks.items() if s.is_central and person in s.users)
    # With whatever role there is, as an example.
    role = next((profile for profile in found if profile != name), "STACK-ROLE")
    names = {
        "central": name,
        "serial": mfa_device_arn(central.partition, central.account_id, device),
        "role": role,
        "session": role if tool == AWS_CLI else _from_session(role),
    }
    texts = (_SESSION, _CODE_IN_THE_CALL) if tool == AWS_CLI else (_TOOLS, _SESSION)
    return "".join(text.format(**names) for text in texts) + "\n"


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
    tool: str = ALL,
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
    found = profiles(stacks, person=person, device=device, tool=tool)
    print(comments(stacks, found, person=person, device=device, tool=tool), end="")
    print(as_ini(found), end="")
    return exit_status.HOLDS
