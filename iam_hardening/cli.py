"""The one command line: `iam-hardening`, or `python -m iam_hardening`. Only this module parses arguments.

Exit statuses are those of exit_status.py, wrong usage among them (Typer's own would be 2). A command imports
what it needs when it runs: operators' commands never load the rehearsal, which is not installed where only
requirements.txt is.
"""

import contextlib
import sys
import tempfile
from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from typer import rich_utils
from typer._click.exceptions import ClickException, UsageError

from iam_hardening import exit_status

_EXIT = "Exit status: 0 holds, 1 a claim is false or something differs, 2 could not run, 64 wrong usage."

app = typer.Typer(
    name="iam-hardening",
    help=f"Harden AWS IAM with Pulumi, and prove who may do what.\n\n{_EXIT}",
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
jit = typer.Typer(help="Just-in-time AWS credentials from Vault: issue, revoke, sweep, audit.")
app.add_typer(jit, name="jit", rich_help_panel="Operate")

_HERE, _BEFORE, _OPERATE = "Prove on this machine", "Before and after an up", "Operate"


class Providers(str, Enum):  # noqa: UP042 Typer shows a StrEnum by its names
    """Who serves aws and vault to the engine in a rehearsal."""

    AUTO = "auto"
    FAKE = "fake"
    INSTALLED = "installed"


class Tool(str, Enum):  # noqa: UP042
    ALL = "all"
    AWS = "aws"
    AWSUME = "awsume"


class Policies(str, Enum):  # noqa: UP042
    BOTH = "both"
    IAM = "iam"
    VAULT = "vault"


def _use_environment_values(path: Path | None) -> Path | None:
    from iam_hardening.config import ConfigError, environments

    try:
        return environments.use(path)
    except ConfigError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(exit_status.COULD_NOT_RUN) from None


Stack = Annotated[str, typer.Option(help="The stack whose account it is: dev is Pulumi.dev.yaml.")]
StackFiles = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER", help="Where the stack files are; default: this folder, or what Pulumi.yaml says."
    ),
]
EnvironmentValues = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        callback=_use_environment_values,
        help="What the stack files' ESC environments give; they are never opened (docs/configuration.md).",
    ),
]
Json = Annotated[
    Path | None,
    typer.Option(
        "--json", metavar="FILE", help="Also write everything to FILE, for machines; - for standard output."
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Lift = Annotated[bool, typer.Option("--lift", help="Take the denial away, once no session is left.")]
Early = Annotated[bool, typer.Option("--early", help="With --lift: although old sessions work again.")]
WhichProviders = Annotated[
    Providers,
    typer.Option(
        envvar="PROVIDERS",
        help="The installed plugins of aws and vault, fake providers, or auto: for each, whichever is there.",
    ),
]


@contextlib.contextmanager
def for_machines(json: Path | None) -> Iterator[Path | None]:
    """The file to write. With `-` its content ends up on standard output, and all else on standard error."""
    if str(json) != "-":
        yield json
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "out.json"
        with contextlib.redirect_stdout(sys.stderr):
            yield file
        if file.exists():
            sys.stdout.write(file.read_text())


@app.command(rich_help_panel=_HERE)
def rehearse(
    stack_files: StackFiles = None,
    environment_values: EnvironmentValues = None,
    json: Json = None,
    providers: WhichProviders = Providers.AUTO,
) -> int:
    """Deploy the stacks to an emulated AWS and a live Vault, and prove every claim.

    Example: iam-hardening rehearse --stack-files examples/hardened --json rehearsal.json
    """
    from rehearsal import commands

    with for_machines(json) as file:
        return commands.rehearse(stack_files=stack_files, json_file=file, providers=providers.value)


@app.command(rich_help_panel=_HERE)
def mutate(
    stack_files: StackFiles = None,
    environment_values: EnvironmentValues = None,
    json: Json = None,
    providers: WhichProviders = Providers.AUTO,
) -> int:
    """Make every deployed policy worse in every way; a claim must notice each time.

    Example: iam-hardening mutate --stack-files examples/hardened
    """
    from rehearsal import commands

    with for_machines(json) as file:
        return commands.mutate(stack_files=stack_files, json_file=file, providers=providers.value)


@app.command(rich_help_panel=_HERE)
def report(
    recorded: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="What rehearse --json wrote; default: rehearse."),
    ] = None,
    to: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the report goes.")] = Path("report"),
    stack_files: StackFiles = None,
    environment_values: EnvironmentValues = None,
    providers: WhichProviders = Providers.AUTO,
) -> int:
    """Write a rehearsal as one HTML page, and as Markdown for a pull request.

    Example: iam-hardening report --from rehearsal.json
    """
    from iam_hardening.commands.report import run as command

    if recorded is None:
        recorded = to / "rehearsal.json"
        to.mkdir(parents=True, exist_ok=True)
        status = rehearse(stack_files, environment_values, recorded, providers)
        if status not in (exit_status.HOLDS, exit_status.FALSE):
            return status
    return command.run(recorded_in=recorded, to=to)


@app.command(rich_help_panel=_HERE)
def sandbox(
    stack_files: StackFiles = None,
    environment_values: EnvironmentValues = None,
    providers: WhichProviders = Providers.AUTO,
    down: Annotated[bool, typer.Option("--down", help="End the running sandbox.")] = False,
) -> int:
    """Leave the rehearsal running for hands-on use, until Ctrl-C.

    Example: iam-hardening sandbox, and in another shell: . .sandbox/env
    """
    from rehearsal import commands

    if down:
        return commands.sandbox_down(stack_files=stack_files)
    return commands.sandbox(stack_files=stack_files, providers=providers.value)


@app.command(rich_help_panel=_HERE)
def tools(providers: WhichProviders = Providers.AUTO) -> int:
    """Build the pinned tools that a rehearsal needs; quick when nothing changed.

    auto takes your own Pulumi where it is new enough, and has it fetch the plugins, except where CI is set.

    Example: iam-hardening tools
    """
    from rehearsal import commands

    return commands.tools(providers=providers.value)


@app.command(rich_help_panel=_BEFORE)
def adopt(
    stack: Stack,
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The import file; default: import-STACK.json.")
    ] = None,
    accept_warnings: Annotated[
        bool, typer.Option("--accept-warnings", help="What «Before the up» lists is settled or meant.")
    ] = False,
    json: Json = None,
    stack_files: StackFiles = None,
    environment_values: EnvironmentValues = None,
) -> int:
    """Find what an existing account has of a stack, and write the file to import it. Read-only.

    Example: iam-hardening adopt --stack central
    """
    from iam_hardening.commands.adopt import run as command

    with for_machines(json) as json_file:
        return command.run(
            stack=stack,
            file=file,
            accept_warnings=accept_warnings,
            json_file=json_file,
            stack_files=stack_files,
        )


@app.command(rich_help_panel=_BEFORE)
def verify(
    stack: Stack,
    json: Json = None,
    print_policy: Annotated[
        Policies | None, typer.Option(help="Only print what the caller needs: in AWS, in Vault, or both.")
    ] = None,
    stack_files: StackFiles = None,
    environment_values: EnvironmentValues = None,
) -> int:
    """Compare the real account and its Vault with the stack file. Read-only.

    Example: iam-hardening verify --stack dev --json verified.json
    """
    from iam_hardening.commands.verify import run as command

    with for_machines(json) as json_file:
        return command.run(
            stack=stack,
            json_file=json_file,
            print_policy=print_policy.value if print_policy else None,
            stack_files=stack_files,
        )


@app.command(rich_help_panel=_BEFORE)
def doctor(
    person: Annotated[str, typer.Option(help="The user's name in the central account.")],
    stack: Annotated[str | None, typer.Option(help="The stack of the account to get to.")] = None,
    role: Annotated[str | None, typer.Option(help="A role there, under crossAccountRoles.")] = None,
    vault_role: Annotated[str | None, typer.Option(help="One of its Vault roles, under vault.roles.")] = None,
    attempt: Annotated[
        bool, typer.Option("--try", help="Ask Vault for credentials, and give them back.")
    ] = False,
    json: Json = None,
    stack_files: StackFiles = None,
    environment_values: EnvironmentValues = None,
) -> int:
    """Diagnose why a person cannot get access, step by step, with the fix.

    Example: iam-hardening doctor --person Administrator --stack dev --role test_role
    """
    from iam_hardening.commands.doctor import run as command

    with for_machines(json) as json_file:
        return command.run(
            person=person,
            stack=stack,
            role=role,
            vault_role=vault_role,
            attempt=attempt,
            json_file=json_file,
            stack_files=stack_files,
        )


@app.command(rich_help_panel=_BEFORE)
def client_config(
    person: Annotated[str, typer.Option(help="The user's name in the central account.")],
    device: Annotated[str, typer.Option(help="The name of the person's virtual MFA device.")],
    tool: Annotated[
        Tool, typer.Option(help="Who reads the profiles: any tool, the AWS CLI or AWSume.")
    ] = Tool.ALL,
    stack_files: StackFiles = None,
    environment_values: EnvironmentValues = None,
) -> int:
    """Print AWS profiles for a person.

    Example: iam-hardening client-config --person Administrator --device phone >> ~/.aws/config
    """
    from iam_hardening.commands import client_config as command

    return command.run(person=person, device=device, tool=tool.value, stack_files=stack_files)


@app.command(rich_help_panel=_OPERATE)
def revoke_sessions(
    stack: Stack,
    role: Annotated[str, typer.Option(help="The role's name under crossAccountRoles.")],
    yes: Yes = False,
    lift: Lift = False,
    early: Early = False,
    stack_files: StackFiles = None,
    environment_values: EnvironmentValues = None,
) -> int:
    """End every session of a cross-account role.

    Example: iam-hardening revoke-sessions --stack dev --role test_role
    """
    from iam_hardening.commands import revoke_sessions as command

    return command.run(stack=stack, role=role, yes=yes, lift=lift, early=early, stack_files=stack_files)


@app.command(rich_help_panel=_OPERATE)
def root_keys(
    account: Annotated[str, typer.Option(help="A stack's name, or an account ID.")],
    stack_files: StackFiles = None,
    environment_values: EnvironmentValues = None,
) -> int:
    """List and delete a member account's root access keys. Asks first, always.

    Example: iam-hardening root-keys --account dev
    """
    from iam_hardening.commands import root_keys as command

    return command.run(account=account, stack_files=stack_files)


@jit.command("issue")
def jit_issue(
    role: Annotated[str, typer.Option(help="The role's name under vault.roles.")],
    stack: Annotated[str | None, typer.Option(help="The stack whose Vault role it is.")] = None,
    mount: Annotated[str | None, typer.Option(help="The engine's mount, instead of --stack.")] = None,
    region: Annotated[str | None, typer.Option(help="Where to call STS; with --mount.")] = None,
    export: Annotated[bool, typer.Option("--export", help="Print shell lines, secrets and all.")] = False,
    credential_process: Annotated[
        bool, typer.Option("--credential-process", help="Answer as AWS's tools ask.")
    ] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ask Vault, even if credentials are kept.")] = False,
    stack_files: StackFiles = None,
    environment_values: EnvironmentValues = None,
) -> int:
    """Ask Vault for credentials, and wait until AWS takes them.

    Example: iam-hardening jit issue --stack dev --role test
    """
    from iam_hardening.commands.jit import issue as command

    if (mount is None) == (stack is None) or (mount is not None and region is None):
        raise UsageError("Give --stack, or --mount and --region.")
    return command.run(
        role=role,
        stack=stack,
        mount=mount,
        region=region,
        export=export,
        credential_process=credential_process,
        fresh=fresh,
        stack_files=stack_files,
    )


@jit.command("revoke")
def jit_revoke(
    stack: Stack,
    role: Annotated[str, typer.Option(help="The role's name under vault.roles.")],
    yes: Yes = False,
    lift: Lift = False,
    early: Early = False,
    stack_files: StackFiles = None,
    environment_values: EnvironmentValues = None,
) -> int:
    """End all just-in-time access of a Vault role.

    Example: iam-hardening jit revoke --stack dev --role test
    """
    from iam_hardening.commands.jit import revoke as command

    return command.run(stack=stack, role=role, yes=yes, lift=lift, early=early, stack_files=stack_files)


@jit.command("sweep")
def jit_sweep(
    stack: Stack,
    yes: Yes = False,
    stack_files: StackFiles = None,
    environment_values: EnvironmentValues = None,
) -> int:
    """Delete users that Vault should have deleted and did not.

    Example: iam-hardening jit sweep --stack dev
    """
    from iam_hardening.commands.jit import sweep as command

    return command.run(stack=stack, yes=yes, stack_files=stack_files)


@jit.command("audit")
def jit_audit(
    stack: Stack,
    log: Annotated[Path, typer.Option(help="Vault's audit log; - for standard input.")],
    json: Json = None,
    stack_files: StackFiles = None,
    environment_values: EnvironmentValues = None,
) -> int:
    """Show who got which just-in-time credentials, and when. JSON has one issued credential a line.

    Example: iam-hardening jit audit --stack dev --log /var/log/vault/audit.log
    """
    from iam_hardening.commands.jit import audit as command

    with for_machines(json) as json_file:
        return command.run(stack=stack, log=log, json_file=json_file, stack_files=stack_files)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command, and answers with its exit status."""
    try:
        status = app(
            args=list(sys.argv[1:] if arguments is None else arguments),
            prog_name="iam-hardening",
            standalone_mode=False,
        )
    except ClickException as error:
        rich_utils.rich_format_error(error)
        return exit_status.WRONG_USAGE
    except (KeyboardInterrupt, typer.Abort):
        status = exit_status.INTERRUPTED
    if status == exit_status.INTERRUPTED:
        print("Interrupted.", file=sys.stderr)
    return int(status or exit_status.HOLDS)
