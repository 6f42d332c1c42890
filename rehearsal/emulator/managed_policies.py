"""The managed policies of AWS, every one, with the documents that AWS gives them.

Gap: MiniStack brings some thirty of more than 1,500, and its own copies of those.

AWS ("AWS Managed Policy Reference"). The documents are those that moto reads from AWS for each of its
releases; a newer version of a policy is known here with the next one. A policy that is not there does not
exist (NoSuchEntity).
"""

import json
from typing import Any

from moto.iam.aws_managed_policies import aws_managed_policies_data

from rehearsal.emulator.upstream import iam


def _seed() -> None:
    known: dict[str, dict[str, Any]] = json.loads(aws_managed_policies_data)
    iam._aws_managed_policies.clear()
    for name, policy in known.items():
        path = f"{policy['Path']}{name}".removeprefix("/")
        record = iam._make_aws_managed_record(path, json.dumps(policy["Document"]))
        iam._aws_managed_policies[f"{iam._AWS_MANAGED_POLICY_PREFIX}{path}"] = record


def apply() -> None:
    iam._seed_aws_managed_policies = _seed
    _seed()
