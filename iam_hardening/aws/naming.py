"""Names and ARNs that two stacks, or a stack and its claims, must agree on.

Pure text: nothing here talks to Pulumi or to AWS. The central stack grants `sts:AssumeRole` on an ARN that
the workload stack makes; both compose it here, so neither stack has to be deployed first.

Source of the formats: AWS, "Identify AWS resources with Amazon Resource Names (ARNs)" and
"IAM identifiers"; of the partitions: AWS, "AWS Regions and partitions".
"""

from collections.abc import Mapping

ADMINISTRATORS = "Administrators"
ADMINISTRATOR = "Administrator"
ADMINISTRATOR_ACCESS = "AdministratorAccess"
ENFORCE_MFA_POLICY = "enforce-to-use-mfa"
SELF_SERVICE_POLICY = "self-service-password-and-mfa"
BREAK_GLASS_GROUP = "BreakGlass"
BREAK_GLASS_POLICY = "break-glass-no-access-keys"

# A tag on a user, which administrators set by hand, and its value on a person who may enrol without MFA.
ONBOARDING_TAG = "Onboarding"
ONBOARDING_NEW = "new"

# Role name → the AWS managed policy that it holds.
STANDARD_ROLES = {"support": "AWSSupportAccess", "security-audit": "SecurityAudit"}
ACCESS_ANALYZER = "external-access"
# AWS's own policy for an instance whose SSM agent is to register.
SESSION_MANAGER_POLICY = "AmazonSSMManagedInstanceCore"
# Where Session Manager itself looks for the preferences of an account and region; the log group of what is
# typed and shown in shells, and the policy that lets an instance write to it.
SESSION_DOCUMENT = "SSM-SessionManagerRunShell"
SESSION_LOG_GROUP = "/iam-hardening/shell-sessions"
SESSION_LOG_POLICY = "write-shell-session-logs"

# The console's name for the inline policy that ends a role's sessions.
REVOKE_SESSIONS_POLICY = "AWSRevokeOlderSessions"

# Vault puts every user it issues under this path, and its principal may touch nothing outside it.
VAULT_USER_PATH = "/vault/"
VAULT_BOUNDARY_POLICY = "vault-issued-user-boundary"
# Every name that Vault gives begins with it.
VAULT_USER_NAME_PREFIX = "vault-"
# As many of a Vault role's name are in the names of its users.
VAULT_ROLE_CHARACTERS = 14
# Of issued users and of role sessions, so that CloudTrail says who asked: how the person logged in and as
# whom, the role, when, and eight random characters against two at once. At most 63 characters; AWS takes 64,
# and Vault refuses to issue what is longer. Its own template cuts name and role together: the role gets lost.
# Who asked is cut with a hash of the whole, so that two people with a long log-in in common stay apart.
VAULT_USERNAME_TEMPLATE = (
    f'{{{{ printf "{VAULT_USER_NAME_PREFIX}%s-%s-%s-%s" (.DisplayName | truncate_sha256 22)'
    f" (.PolicyName | truncate {VAULT_ROLE_CHARACTERS}) (unix_time) (random 8) }}}}"
)
# Of Vault's answers, what its audit log does not hash: neither is a secret, and with them the log says which
# IAM user or session was whose.
VAULT_AUDITED_IN_THE_CLEAR = ("access_key", "arn")
# An AppRole's secret ID is good once, within a day: a used one is worth nothing to a thief.
VAULT_SECRET_ID_SECONDS = 24 * 60 * 60
# AWS takes no smaller maximum for a role; the session itself may be shorter.
SHORTEST_MAX_SESSION_SECONDS = 3600
# Who signs the tokens of GitHub's workflows.
GITHUB_ISSUER = "https://token.actions.githubusercontent.com"
# A tag on each user that Vault issues: the Vault role it was issued for.
VAULT_ROLE_TAG = "VaultRole"

# A tag, of any value, on what Vault's nodes are made of: instances, volumes, launch templates, Auto Scaling
# groups. Credentials that Vault issues reach none of them.
VAULT_NODE_TAG = "VaultNode"

# The topic of the alarms, its key's alias, and the trail that they see by.
ALARMS = "iam-hardening-alarms"
TRAIL = "iam-hardening-management-events"

# Longest prefix wins; a region that matches none is in the commercial partition.
_PARTITION_BY_REGION_PREFIX = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
    "eusc-": "aws-eusc",
}

# Where IAM, one for the whole partition, reports its changes. Source: CloudTrail, "Global service events".
IAM_EVENTS_REGION = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}

# Where CloudTrail reports sign-ins at the console's global address. First the one of all of the root user's
# and of IAM users' without the cookie of an account alias; then those that the others are spread over, by
# distance. Source: CloudTrail User Guide, "AWS Management Console sign-in events". AWS documents it for its
# commercial partition only.
SIGN_IN_EVENTS_REGIONS = {"aws": ("us-east-1", "us-east-2", "eu-north-1", "ap-southeast-2")}

# Where people sign in to the console. Source: the endpoint rules of the service `signin` in botocore.
_SIGN_IN_DOMAIN = {
    "aws": "signin.aws.amazon.com",
    "aws-cn": "signin.amazonaws.cn",
    "aws-us-gov": "signin.amazonaws-us-gov.com",
    "aws-eusc": "signin.amazonaws-eusc.eu",
    "aws-iso": "signin.c2shome.ic.gov",
    "aws-iso-b": "signin.sc2shome.sgov.gov",
    "aws-iso-e": "signin.csphome.adc-e.uk",
    "aws-iso-f": "signin.csphome.hci.ic.gov",
}

# Canonical's image owner account, which differs by partition. Source: Canonical, "Find Ubuntu images on AWS".
CANONICAL_OWNER_ID = {"aws": "099720109477", "aws-cn": "837727238323", "aws-us-gov": "513442679011"}


def partition_of(region: str) -> str:
    """The partition of a region name: `aws-cn` for `cn-north-1`, `aws` for `eu-central-1`."""
    for prefix, partition in _PARTITION_BY_REGION_PREFIX.items():
        if region.startswith(prefix):
            return partition
    return "aws"


def iam_arn(partition: str, account_id: str, resource: str) -> str:
    """`iam_arn("aws", "111111111111", "user/Alice")` → `arn:aws:iam::111111111111:user/Alice`."""
    return f"arn:{partition}:iam::{account_id}:{resource}"


def account_root_arn(partition: str, account_id: str) -> str:
    """The ARN that a trust policy names to trust an account (not only its root user)."""
    return iam_arn(partition, account_id, "root")


def user_arn(partition: str, account_id: str, path: str, user_name: str) -> str:
    """`path` begins and ends with `/`, as IAM writes it."""
    return iam_arn(partition, account_id, f"user{path}{user_name}")


def account_of(arn: str) -> str:
    """The account ID in an ARN; empty where it has none (`*`, or S3's)."""
    return arn.split(":")[4] if arn.count(":") >= 5 else ""


def role_arn(partition: str, account_id: str, role_name: str) -> str:
    return iam_arn(partition, account_id, f"role/{role_name}")


def group_arn(partition: str, account_id: str, group_name: str) -> str:
    return iam_arn(partition, account_id, f"group/{group_name}")


def policy_arn(partition: str, account_id: str, policy_name: str) -> str:
    return iam_arn(partition, account_id, f"policy/{policy_name}")


def mfa_device_arn(partition: str, account_id: str, device_name: str) -> str:
    return iam_arn(partition, account_id, f"mfa/{device_name}")


def topic_arn(partition: str, region: str, account_id: str, name: str) -> str:
    return f"arn:{partition}:sns:{region}:{account_id}:{name}"


def event_rule_arn(partition: str, region: str, account_id: str, name: str) -> str:
    """A rule of the default event bus."""
    return f"arn:{partition}:events:{region}:{account_id}:rule/{name}"


def trail_arn(partition: str, region: str, account_id: str, name: str) -> str:
    return f"arn:{partition}:cloudtrail:{region}:{account_id}:trail/{name}"


def trail_bucket(account_id: str, region: str) -> str:
    """Bucket names are unique in a whole partition."""
    return f"{TRAIL}-{account_id}-{region}"


def key_alias_arn(partition: str, region: str, account_id: str, name: str) -> str:
    """`name` without its `alias/`."""
    return f"arn:{partition}:kms:{region}:{account_id}:alias/{name}"


def bucket_arn(partition: str, bucket: str) -> str:
    return f"arn:{partition}:s3:::{bucket}"


def table_arn(partition: str, region: str, account_id: str, name: str) -> str:
    return f"arn:{partition}:dynamodb:{region}:{account_id}:table/{name}"


def session_document_arn(partition: str, region: str, account_id: str) -> str:
    """The preferences of Session Manager: one document for each account and region."""
    return f"arn:{partition}:ssm:{region}:{account_id}:document/{SESSION_DOCUMENT}"


def log_group_arn(partition: str, region: str, account_id: str, name: str) -> str:
    """Without the `:*` at its end that IAM policies need for all but the calls about tags."""
    return f"arn:{partition}:logs:{region}:{account_id}:log-group:{name}"


def bucket_objects_arn(partition: str, bucket: str) -> str:
    return f"{bucket_arn(partition, bucket)}/*"


def sign_in_url(partition: str, account_id: str) -> str | None:
    """The console's sign-in page for an account's IAM users; None for a partition that is not known."""
    domain = _SIGN_IN_DOMAIN.get(partition)
    return f"https://{account_id}.{domain}/console" if domain else None


def assume_policy_name(group_name: str) -> str:
    """The customer-managed policy that lets a group assume its roles in workload accounts."""
    return f"assume-roles-{group_name}"


def no_secrets_policy_name(role_name: str) -> str:
    """The customer-managed policy that keeps secrets from a third party's role."""
    return f"no-secrets-{role_name}"


def revocation_policy_name(role_name: str) -> str:
    """The managed policy with which the project's commands end a role's sessions."""
    return f"{REVOKE_SESSIONS_POLICY}-{role_name}"


def vault_aws_role_name(mount: str, role_name: str) -> str:
    """The IAM role behind a Vault role of the kind `assumed_role`."""
    return f"vault-{mount.replace('/', '-')}-{role_name}"


def vault_role_tags(tags: Mapping[str, str], role_name: str) -> dict[str, str]:
    """Of issued users: Vault's own, not Pulumi's, so that an operator who cleans up knows what made them."""
    return {**tags, "ManagedBy": "vault", VAULT_ROLE_TAG: role_name}


def vault_entity_name(login: str, user: str) -> str:
    """The identity entity of one person of a log-in by password; it holds the person's Vault policies."""
    return f"{login}-{user}"


def vault_policy_name(mount: str, role_name: str) -> str:
    """The Vault policy that may read the credentials of just one role."""
    return f"{mount.replace('/', '-')}-{role_name}"
