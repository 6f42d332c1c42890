"""The testbed a rehearsal is played in: emulated accounts, a live Vault, and the stacks for them.

One emulated account per stack file, a third-party account, and in each of them an administrator
who stands for the person who runs the first `pulumi up`. A few things that are not ours are put into every
account (a user, a bucket, an instance), so that «no one may touch what is not theirs» can be tried.
"""

import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

import hvac

from iam_hardening import config as settings
from iam_hardening.aws.naming import account_of, iam_arn
from iam_hardening.aws.policies import documents
from iam_hardening.aws.policies import roles as roles_policies
from iam_hardening.clients.aws import Credentials, Session
from iam_hardening.model.identities import identities
from rehearsal import plugins, tools
from rehearsal.authenticator import Authenticator
from rehearsal.errors import RehearsalError
from rehearsal.github_tokens import Issuer
from rehearsal.plugin_calls import PluginCalls
from rehearsal.probes import Targets, bucket_place
from rehearsal.project import Project
from rehearsal.providers import AwsCredentials, FakeProviders
from rehearsal.servers import EmulatedAws, ServerError, emulated_aws, vault_server
from rehearsal.stacks import Stack
from rehearsal.vault_proxy import Substitutes, vault_proxy

FAKE_PROVIDERS = plugins.FAKE

_BOOTSTRAP_USER = "bootstrap-administrator"
_NEWCOMER = "rehearsal-newcomer"
_ENROLLED = "rehearsal-bystander"
_STRANGER_IDS = ("999999999999", "888888888888", "777777777777")
_UBUNTU = "ubuntu/images/*"
# As long as a sandbox may run: AWS's longest.
_DEPLOYERS_SESSION_SECONDS = 12 * 3600


@dataclass(frozen=True, kw_only=True)
class Bystanders:
    """Users that are not ours: `enrolled` has an MFA device and a password, `newcomer` has neither."""

    enrolled: str
    device: Authenticator
    newcomer: str


@dataclass(frozen=True, kw_only=True)
class Account:
    """One emulated account and its stack. `root` is its root user, `admin` who deploys the stack."""

    stack: Stack
    settings: settings.Settings
    root: Session
    admin: Session
    bystanders: Bystanders
    targets: Targets

    @property
    def name(self) -> str:
        return self.stack.name

    @property
    def id(self) -> str:
        return self.settings.account_id


@dataclass(frozen=True, kw_only=True)
class Testbed:
    """`stranger` is the administrator of an account that no one here trusts, in a session with MFA.
    `third_parties` are those of the accounts that a role trusts, account ID to session; no MFA there.
    `notes` say what of the stack files was left out."""

    project: Project
    accounts: Mapping[str, Account]
    stranger: Session
    third_parties: Mapping[str, Session]
    endpoint_url: str
    vault_address: str
    vault_token: str
    github: Issuer
    environment: Mapping[str, str]
    directory: Path
    providers: plugins.Providers
    notes: Sequence[str]
    pulumi: Path
    calls: PluginCalls

    @property
    def central(self) -> Account | None:
        return next((account for account in self.accounts.values() if account.settings.is_central), None)

    @property
    def workloads(self) -> list[Account]:
        return [account for account in self.accounts.values() if not account.settings.is_central]

    @property
    def used(self) -> str:
        """Which Pulumi and which plugins."""
        whose = "built here" if self.pulumi == tools.PULUMI.binary else "your own"
        return f"Pulumi: {whose}, {self.pulumi}. {self.providers.sentence}"

    def make_mfa_older(self, seconds: int) -> None:
        """Lets every session with MFA look that much older to policies; 0 ends it."""
        _control(self.endpoint_url, f"mfa-age?seconds={seconds}")

    def central_of(self, account: Account) -> Account | None:
        """The account whose people the roles of an account are for, if its stack is here."""
        trusted = account.settings.trusted_account_id
        return self.central if self.central and self.central.id == trusted else None

    def vault(self, token: str | None = None, *, from_address: str | None = None) -> hvac.Client:
        """`from_address`: where the calls seem to come from."""
        client = hvac.Client(url=self.vault_address, token=token or self.vault_token)
        if from_address:
            client.session.headers["X-Forwarded-For"] = from_address
        return client


@contextmanager
def running_testbed(project: Project, directory: Path, *, providers: str) -> Iterator[Testbed]:
    """Everything up and running, nothing deployed yet; all of it gone when the block ends. `providers` is one
    of plugins.CHOICES.

    Raises RehearsalError, also for stack files with mistakes.
    """
    chosen = plugins.choose(providers)
    work_dir = directory / "project"
    notes = project.copy_to(work_dir)
    own_pulumi = tools.own_pulumi() if providers == plugins.AUTO else None
    pulumi = own_pulumi or tools.pulumi()
    environment = _environment(directory, pulumi)
    # Before any server starts: a stack file with mistakes is reported at once.
    stacks = [
        Stack(name, project=project, work_dir=work_dir, environment=environment, pulumi=pulumi)
        for name in project.stacks
    ]
    configured = _settings(stacks)
    with ExitStack() as running:
        try:
            aws = running.enter_context(emulated_aws(directory / "aws"))
            vault = running.enter_context(
                vault_server(
                    directory / "vault",
                    tools.vault_aws_plugin(),
                    role_credentials_url=_vaults_role(configured, aws),
                )
            )
        except ServerError as error:
            raise RehearsalError(
                str(error), "Run again; `make clean` starts over with fresh tools."
            ) from None
        github = Issuer()
        substitutes = Substitutes(
            aws_endpoint_url=aws.endpoint_url,
            github_public_key=github.public_key,
            audit_folder=directory / "vault",
        )
        vault_address = running.enter_context(vault_proxy(vault.address, substitutes))
        environment |= {
            "AWS_ENDPOINT_URL": aws.endpoint_url,
            "VAULT_ADDR": vault_address,
            "VAULT_TOKEN": vault.token,
        }
        deployers: set[str] = set()
        calls = PluginCalls(aws.endpoint_url, substitutes, deployers)
        credentials: dict[str, AwsCredentials] = {}
        plugins.use(chosen, Path(environment["PULUMI_HOME"]))
        if "aws" not in chosen.fake:
            environment |= _proxy_for_account_hosts(aws)
        fake_providers = FakeProviders(aws.endpoint_url, credentials, vault_address, vault.token)
        if chosen.fake:
            attached = running.enter_context(fake_providers.serve(chosen.fake))
            environment["PULUMI_DEBUG_PROVIDERS"] = attached
        accounts: dict[str, Account] = {}
        for stack in stacks:
            account = _account(stack, configured[stack.name], aws.endpoint_url)
            deployer = account.admin.credentials
            deployers.add(deployer.access_key_id)
            credentials[stack.name] = AwsCredentials(
                deployer.access_key_id, deployer.secret_access_key, deployer.session_token
            )
            stack.use(environment, deployer, calls)
            accounts[stack.name] = account
        own_ids = {account.id for account in accounts.values()}
        trusted = [r.trusted_account_id for c in configured.values() for r in c.cross_account_roles.values()]
        trusted_ids = {account_id for account_id in trusted if account_id}
        stranger_id = next(number for number in _STRANGER_IDS if number not in own_ids | trusted_ids)
        yield Testbed(
            project=project,
            accounts=accounts,
            stranger=_stranger(_root(stranger_id, "us-east-1", aws.endpoint_url)),
            third_parties={
                **{
                    other: _administrator(_root(other, "us-east-1", aws.endpoint_url), "aws")
                    for other in trusted_ids - own_ids
                },
                **{account.id: account.admin for account in accounts.values() if account.id in trusted_ids},
            },
            endpoint_url=aws.endpoint_url,
            vault_address=vault_address,
            vault_token=vault.token,
            github=github,
            environment=environment,
            directory=directory,
            providers=chosen,
            notes=notes,
            pulumi=pulumi,
            calls=calls,
        )


def _vaults_role(configured: Mapping[str, settings.Settings], aws: EmulatedAws) -> str | None:
    """Where Vault gets the credentials of the role that it runs on; None where it has keys."""
    for own in configured.values():
        if own.vault and own.vault.runs_on_role:
            return aws.role_credentials_url(own.account_id, own.vault.runs_on_role)
    return None


def _proxy_for_account_hosts(aws: EmulatedAws) -> dict[str, str]:
    """The real plugin asks S3 Control at ACCOUNT_ID.127.0.0.1, which is no name of this machine; Go's clients
    ask a proxy for it, and reach 127.0.0.1 without one. Python's need NO_PROXY for that."""
    return {"HTTP_PROXY": aws.endpoint_url, "NO_PROXY": "127.0.0.1,localhost"}


def _environment(directory: Path, pulumi: Path) -> dict[str, str]:
    """What the engine and its plugins see: nothing of the user's own AWS, Vault or Pulumi accounts."""
    home, state = directory / "pulumi-home", directory / "state"
    home.mkdir()
    state.mkdir()
    return {
        "PATH": os.pathsep.join([str(pulumi.parent), os.environ.get("PATH", "")]),
        "HOME": os.environ.get("HOME", str(directory)),
        "PULUMI_HOME": str(home),
        "PULUMI_BACKEND_URL": f"file://{state}",
        "PULUMI_CONFIG_PASSPHRASE": secrets.token_urlsafe(32),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # Without it every command spends seconds on a plugin that the fake providers replace.
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _settings(stacks: list[Stack]) -> dict[str, settings.Settings]:
    """The settings of every stack, or one error with the mistakes of all the files."""
    configured: dict[str, settings.Settings] = {}
    mistakes: list[str] = []
    for stack in stacks:
        try:
            configured[stack.name] = stack.settings()
        except settings.ConfigError as error:
            mistakes.append(str(error))
    if mistakes:
        raise RehearsalError(
            "\n".join(mistakes), "Mend the stack files; docs/configuration.md has every key."
        )
    return configured


def _account(stack: Stack, own: settings.Settings, endpoint_url: str) -> Account:
    root = _root(own.account_id, own.region, endpoint_url)
    # Its owner did that in the console, before anything else (docs/root-account.md).
    _control(endpoint_url, f"root-mfa?account={own.account_id}")
    # As the stack file says that AWS has raised them.
    for name, value in _raised_quotas(own.quotas).items():
        _control(endpoint_url, f"quota?account={own.account_id}&name={name}&value={value}")
    admin = _deployer(root, own)
    return Account(
        stack=stack,
        settings=own,
        root=root,
        admin=admin,
        bystanders=_bystanders(admin),
        targets=_targets(own, admin),
    )


def _raised_quotas(stated: settings.Quotas) -> dict[str, int]:
    named = {
        "PoliciesPerRole": stated.managed_policies_per_role,
        "PoliciesPerUser": stated.managed_policies_per_user,
        "TrustPolicyLength": stated.trust_policy_length,
    }
    return {name: value for name, value in named.items() if value}


def _control(endpoint_url: str, what: str) -> None:
    urlopen(Request(f"{endpoint_url}/_emulated_aws/{what}", method="POST"), timeout=5).close()


def _root(account_id: str, region: str, endpoint_url: str) -> Session:
    """The emulator takes an account's ID for its root user's key; AWS has no such key."""
    credentials = Credentials(access_key_id=account_id, secret_access_key="emulated")
    return Session(credentials, region=region, endpoint_url=endpoint_url)


def _administrator(root: Session, partition: str) -> Session:
    """Who deploys: in a real account a temporary administrator, see docs/first-deployment.md."""
    iam = root.client("iam")
    iam.create_user(UserName=_BOOTSTRAP_USER)
    iam.attach_user_policy(
        UserName=_BOOTSTRAP_USER, PolicyArn=iam_arn(partition, "aws", "policy/AdministratorAccess")
    )
    key = iam.create_access_key(UserName=_BOOTSTRAP_USER)["AccessKey"]
    return root.with_credentials(Credentials.of(key))


def _deployer(root: Session, own: settings.Settings) -> Session:
    """Who deploys the stack: where its file lists who may (`alarms.logAdministrators`), the first of those
    that the stack does not make itself.

    Raises RehearsalError where there is none.
    """
    listed = own.alarms.log_administrators if own.alarms else []
    made = {identity.name for identity in identities(own) if identity.kind in ("user", "role")}
    possible = [arn for arn in listed if arn.rsplit("/", 1)[-1] not in made]
    if listed and not possible:
        raise RehearsalError(
            f"alarms.logAdministrators of the stack {own.stack} lists only users and roles that the stack "
            "itself makes, so no one could deploy it for the first time.",
            "List the principal that runs the first `pulumi up` as well.",
        )
    admin = _administrator(root, own.partition)
    if not possible or possible[0].endswith(f":user/{_BOOTSTRAP_USER}"):
        return admin
    return _known_as(possible[0], admin, own.partition)


def _known_as(arn: str, admin: Session, partition: str) -> Session:
    """An administrator of that ARN: a user with a key, or a session of a role."""
    iam = admin.client("iam")
    kind, _, rest = arn.split(":", 5)[-1].partition("/")
    path, _, name = f"/{rest}".rpartition("/")
    everything = iam_arn(partition, "aws", "policy/AdministratorAccess")
    if kind == "user":
        iam.create_user(UserName=name, Path=f"{path}/")
        iam.attach_user_policy(UserName=name, PolicyArn=everything)
        return admin.with_credentials(Credentials.of(iam.create_access_key(UserName=name)["AccessKey"]))
    trust = roles_policies.trust_account(partition, account_of(arn), require_mfa=False)
    iam.create_role(
        RoleName=name,
        Path=f"{path}/",
        AssumeRolePolicyDocument=documents.render(trust),
        MaxSessionDuration=_DEPLOYERS_SESSION_SECONDS,
    )
    iam.attach_role_policy(RoleName=name, PolicyArn=everything)
    answer = admin.client("sts").assume_role(
        RoleArn=arn, RoleSessionName="rehearsal", DurationSeconds=_DEPLOYERS_SESSION_SECONDS
    )
    return admin.with_credentials(Credentials.of(answer["Credentials"]))


def _stranger(root: Session) -> Session:
    """With MFA, so that MFA is not what refuses the stranger."""
    admin = _administrator(root, "aws")
    device = enrol(admin, _BOOTSTRAP_USER)
    answer = admin.client("sts").get_session_token(SerialNumber=device.serial_number, TokenCode=device.code())
    return admin.with_credentials(Credentials.of(answer["Credentials"]))


def _bystanders(admin: Session) -> Bystanders:
    iam = admin.client("iam")
    for user in (_NEWCOMER, _ENROLLED):
        iam.create_user(UserName=user)
    iam.create_login_profile(UserName=_ENROLLED, Password=f"aA1!{secrets.token_urlsafe(24)}")
    device = enrol(admin, _ENROLLED)
    return Bystanders(enrolled=_ENROLLED, device=device, newcomer=_NEWCOMER)


def enrol(admin: Session, user: str) -> Authenticator:
    """Gives a user a new virtual MFA device, as an administrator or as that user."""
    iam = admin.client("iam")
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName=user)["VirtualMFADevice"]
    device = Authenticator(made["SerialNumber"], made["Base32StringSeed"].decode())
    first, second = device.two_consecutive_codes()
    iam.enable_mfa_device(
        UserName=user,
        SerialNumber=device.serial_number,
        AuthenticationCode1=first,
        AuthenticationCode2=second,
    )
    return device


def _targets(own: settings.Settings, admin: Session) -> Targets:
    """Puts things that are not ours into the account."""
    buckets = (f"rehearsal-{own.account_id}", *_configured_buckets(own))
    for bucket in buckets:
        admin.client("s3").create_bucket(Bucket=bucket, **bucket_place(own.region))
        admin.client("s3").put_object(Bucket=bucket, Key="rehearsal/object", Body=b"rehearsal")
    for group in sorted({g for role in (own.vault.roles.values() if own.vault else ()) for g in role.groups}):
        admin.client("iam").create_group(GroupName=group)
    runs_on = own.vault.runs_on_role if own.vault else None
    if runs_on and not (own.vault_server and own.vault_server.name == runs_on):
        trust = documents.render(roles_policies.trust_ec2(own.partition))
        admin.client("iam").create_role(RoleName=runs_on, AssumeRolePolicyDocument=trust)
    instances: tuple[str, ...] = ()
    if own.instance:
        ec2 = admin.client("ec2")
        image = ec2.describe_images(Filters=[{"Name": "name", "Values": [_UBUNTU]}])["Images"][0]
        run = ec2.run_instances(ImageId=image["ImageId"], InstanceType="t3.micro", MinCount=1, MaxCount=1)
        instances = (run["Instances"][0]["InstanceId"],)
    return Targets(
        partition=own.partition,
        account_id=own.account_id,
        region=own.region,
        bystander=_NEWCOMER,
        buckets=buckets,
        instances=instances,
    )


def _configured_buckets(own: settings.Settings) -> list[str]:
    """The buckets that the stack file names: someone else's resources, which the account must have."""
    holders = [*own.groups.values(), *own.cross_account_roles.values()]
    holders += [own.instance] if own.instance else []
    statements = [s for holder in holders for policy in holder.policies.values() for s in policy]
    statements += [s for role in (own.vault.roles.values() if own.vault else ()) for s in role.statements]
    named = {
        resource.split(":::", 1)[1].split("/")[0]
        for statement in statements
        for resource in (*statement.resources, *statement.not_resources)
        if ":s3:::" in resource
    }
    return sorted(bucket for bucket in named if "*" not in bucket and "?" not in bucket and "$" not in bucket)
