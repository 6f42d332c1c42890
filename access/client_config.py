"""Profiles for a person's `~/.aws/config`: the central account, and every role that the person may assume.

    make client-config PERSON=Administrator DEVICE=Administrator-phone [TOOL=awsume]

The two tools want the MFA device in different places. The AWS CLI asks for a code where the role's profile
names the device. AWSume takes its MFA session from the source profile, and the roles then need no code of
their own. Source: AWS CLI User Guide, "Using an IAM role in the AWS CLI"; AWSume, "Configure your profiles".
"""

import argparse
import configparser
import io
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import settings
from access.grants import grants_of
from access.stack_files import settings_of
from naming import mfa_device_arn, role_arn

AWS_CLI, AWSUME = "aws", "awsume"


def profiles(
    stacks: Mapping[str, settings.Settings], *, person: str, device: str, tool: str
) -> dict[str, dict[str, str]]:
    """Profile name → its keys. `person` is a user of a central stack."""
    name, central = next((n, s) for n, s in stacks.items() if s.is_central and person in s.users)
    serial = mfa_device_arn(central.partition, central.account_id, device)
    source = {"region": central.region}
    if tool == AWSUME:
        source["mfa_serial"] = serial
    found = {name: source}
    for profile, region, arn in _assumable(stacks, central, person):
        found[profile] = {
            "role_arn": arn,
            "source_profile": name,
            "role_session_name": person,
            "region": region,
        }
        if tool == AWS_CLI:
            found[profile]["mfa_serial"] = serial
    return found


def _assumable(
    stacks: Mapping[str, settings.Settings], central: settings.Settings, person: str
) -> Iterator[tuple[str, str, str]]:
    """Profile name, region and ARN of each role of a workload account that the person may assume."""
    groups = [central.groups[group] for group in central.users[person].groups]
    granted = {arn for group in groups for arn in group.may_assume}
    grants = grants_of(groups)
    for stack, account in stacks.items():
        if account.is_central or account.central_account_id != central.account_id:
            continue
        for role in account.cross_account_roles:
            arn = role_arn(account.partition, account.account_id, role)
            if arn in granted or grants.verdict("sts:AssumeRole", arn) == "allowed":
                yield f"{stack}-{role}", account.region, arn


def as_ini(found: Mapping[str, Mapping[str, str]]) -> str:
    """As `~/.aws/config` writes it."""
    file = configparser.ConfigParser(interpolation=None)
    for profile, keys in found.items():
        file[f"profile {profile}"] = dict(keys)
    text = io.StringIO()
    file.write(text)
    return text.getvalue().strip() + "\n"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Prints AWS profiles for a person.")
    parser.add_argument("--person", required=True, help="the user's name in the central account")
    parser.add_argument("--device", required=True, help="the name of the person's virtual MFA device")
    parser.add_argument("--tool", choices=(AWS_CLI, AWSUME), default=AWS_CLI)
    options = parser.parse_args(arguments)
    try:
        stacks = settings_of(Path.cwd())
    except settings.ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    people = sorted(person for stack in stacks.values() for person in stack.users)
    if options.person not in people:
        print(f"PERSON={options.person}: no such user; known: {', '.join(people)}", file=sys.stderr)
        return 2
    print(as_ini(profiles(stacks, person=options.person, device=options.device, tool=options.tool)), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
