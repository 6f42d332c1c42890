"""Tutorial section 6: what runs on the instance has the instance profile's permissions, and no more."""

import requests

from iam_hardening.claims.claim import REFUSED, Claim
from iam_hardening.claims.grants import grants_of
from iam_hardening.clients.aws import Credentials, Session
from rehearsal.recorder import Recorder, ScenarioEnds
from rehearsal.scenarios.people import Member, play_probes
from rehearsal.scenarios.person import WITH_MFA
from rehearsal.testbed import Account, Testbed

_SECONDS = 10


def play(recorder: Recorder, testbed: Testbed, members: list[Member]) -> None:
    for account in testbed.accounts.values():
        if account.settings.instance is not None:
            with recorder.scenario(f"Instance {account.settings.instance.name} in {account.name}"):
                _play_instance(recorder, testbed, account, members)


def _play_instance(recorder: Recorder, testbed: Testbed, account: Account, members: list[Member]) -> None:
    outputs = account.stack.outputs()
    instance_id, role_arn = outputs["instance_id"], outputs["instance_role_arn"]
    _as_deployed(recorder, account, instance_id, outputs["instance_profile_arn"])
    session = credentials_of_an_instance(recorder, testbed, account, instance_id, who="instance")
    configured = account.settings.instance
    assert configured is not None
    play_probes(recorder, account, session, grants_of([configured]), who="instance", mfa="-")
    for member in members:
        recorder.judge(
            Claim(
                who=member.name,
                mfa=WITH_MFA,
                call="sts:AssumeRole",
                resource=role_arn.split(":", 5)[-1],
                account=account.name,
                claimed=REFUSED,
                reason="the instance's role is for EC2 alone",
            ),
            lambda member=member: member.mfa.client("sts").assume_role(  # type: ignore[misc]
                RoleArn=role_arn, RoleSessionName=member.name
            ),
        )


def _as_deployed(recorder: Recorder, account: Account, instance_id: str, profile_arn: str) -> None:
    ec2 = account.admin.client("ec2")
    found = ec2.describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]
    volume_id = found["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    volume = ec2.describe_volumes(VolumeIds=[volume_id])["Volumes"][0]
    facts: list[tuple[str, object, object, str]] = [
        ("state", "running", found["State"]["Name"], "the instance was launched"),
        ("IamInstanceProfile", profile_arn, found["IamInstanceProfile"]["Arn"], "no access keys on it"),
        ("HttpTokens", "required", found["MetadataOptions"]["HttpTokens"], "IMDSv1 answers forged requests"),
        ("HttpPutResponseHopLimit", 1, found["MetadataOptions"]["HttpPutResponseHopLimit"], "no containers"),
        ("PublicIpAddress", None, found.get("PublicIpAddress"), "not reachable from the internet"),
        ("Encrypted", True, volume["Encrypted"], "the root volume is encrypted at rest"),
    ]
    for what, claimed, value, reason in facts:
        recorder.found(
            Claim(
                who="instance",
                mfa="-",
                call="ec2:DescribeInstances",
                resource=what,
                account=account.name,
                claimed=str(claimed),
                reason=reason,
            ),
            str(value),
        )


def credentials_of_an_instance(
    recorder: Recorder, testbed: Testbed, account: Account, instance_id: str, *, who: str
) -> Session:
    """Asks the instance's metadata service as a program on the instance would."""
    base = f"{testbed.endpoint_url}/_instance/{account.id}/{instance_id}/latest"
    path = f"{base}/meta-data/iam/security-credentials/"

    def claim(call: str, claimed: str, reason: str) -> Claim:
        return Claim(
            who=who,
            mfa="-",
            call=call,
            resource="iam/security-credentials",
            account=account.name,
            claimed=claimed,
            reason=reason,
        )

    old = requests.get(path, timeout=_SECONDS)
    recorder.found(
        claim("GET (IMDSv1)", "401", "a forged request cannot get a token first"), str(old.status_code)
    )
    token = requests.put(
        f"{base}/api/token", headers={"X-aws-ec2-metadata-token-ttl-seconds": "60"}, timeout=_SECONDS
    )
    header = {"X-aws-ec2-metadata-token": token.text}
    role = requests.get(path, headers=header, timeout=_SECONDS)
    answer = requests.get(f"{path}{role.text}", headers=header, timeout=_SECONDS)
    recorder.found(claim("GET (IMDSv2)", "200", "what runs there gets credentials"), str(answer.status_code))
    if answer.status_code != requests.codes.ok:
        raise ScenarioEnds("the instance got no credentials")
    handed = answer.json()
    credentials = Credentials(
        access_key_id=handed["AccessKeyId"],
        secret_access_key=handed["SecretAccessKey"],
        session_token=handed["Token"],
    )
    return account.admin.with_credentials(credentials)
