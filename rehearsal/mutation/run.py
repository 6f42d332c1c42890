"""The run: deploy, see that every claim holds, then put in one mutant after the other: does a claim break?"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import yaml
from botocore.exceptions import ClientError
from pydantic import BaseModel, ConfigDict, Field

from iam_hardening.claims import matrix, resource_policies
from iam_hardening.claims.claim import ALLOWED, REFUSED, attempt
from rehearsal.errors import RehearsalError
from rehearsal.mutation.deployed import Target, names_of_policies, targets, targets_in_vault
from rehearsal.mutation.mutate import Mutation
from rehearsal.project import Project
from rehearsal.run import deploy
from rehearsal.scenarios.behaviour import clients, issued
from rehearsal.terminal import Terminal
from rehearsal.testbed import Account, Testbed, running_testbed

EQUIVALENT = Path(__file__).with_name("equivalent.yaml")


class Equivalent(BaseModel):
    """Mutants that no claim can notice, because nothing changes for anyone; and why that is so. `policy` is
    a pattern (`*`), because stack files name policies; `what` are the mutants' own texts, or patterns of
    them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    policy: str
    what: tuple[str, ...] = Field(min_length=1)
    why: str = Field(min_length=20)


@dataclass(frozen=True, kw_only=True)
class Fate:
    """What became of one mutant: the claim that broke, or None, and then why it is equivalent, if it is."""

    account: str
    policy: str
    what: str
    killed_by: str | None
    equivalent: str | None = None

    @property
    def survives(self) -> bool:
        return self.killed_by is None and self.equivalent is None


@dataclass(frozen=True, kw_only=True)
class Score:
    fates: list[Fate]
    seconds: float
    # Entries of equivalent.yaml that were killed after all, or that nothing matched.
    wrong_equivalents: list[str]

    @property
    def survivors(self) -> list[Fate]:
        return [fate for fate in self.fates if fate.survives]

    @property
    def noticed(self) -> int:
        return sum(fate.killed_by is not None for fate in self.fates)

    @property
    def countable(self) -> int:
        """All but the equivalent ones."""
        return self.noticed + len(self.survivors)

    @property
    def percent(self) -> str:
        """Never 100 % while one survives."""
        share = self.noticed / self.countable if self.countable else 0
        return f"{int(share * 1000) / 10:g} %"

    @property
    def is_perfect(self) -> bool:
        return bool(self.noticed) and not self.survivors and not self.wrong_equivalents

    @property
    def equivalents(self) -> dict[str, list[Fate]]:
        """The reason → the mutants that it is given for."""
        reported: dict[str, list[Fate]] = {}
        for fate in self.fates:
            if fate.equivalent:
                reported.setdefault(fate.equivalent, []).append(fate)
        return reported

    def as_dict(self) -> dict[str, Any]:
        return {
            "noticed": self.noticed,
            "survive": len(self.survivors),
            "seconds": round(self.seconds, 1),
            "mutants": [asdict(fate) for fate in self.fates],
        }


def run(project: Project, directory: Path, terminal: Terminal, *, providers: str) -> Score:
    """Raises RehearsalError if it could not run, or if a claim is false before anything was changed."""
    began = perf_counter()
    reasons = [Equivalent.model_validate(each) for each in yaml.safe_load(EQUIVALENT.read_text()) or []]
    fates: list[Fate] = []
    with ExitStack() as running:
        with terminal.phase("Starting the emulated AWS and Vault, creating the stacks"):
            testbed = running.enter_context(running_testbed(project, directory, providers=providers))
        terminal.console.print(testbed.used, markup=False)
        before = {name: names_of_policies(account) for name, account in testbed.accounts.items()}
        deploy(testbed, terminal)
        for name, account in testbed.accounts.items():
            fates += _Account(testbed, account, before[name], reasons).run(terminal)
    return Score(
        fates=fates,
        seconds=perf_counter() - began,
        wrong_equivalents=_wrong(reasons, fates),
    )


def _wrong(reasons: list[Equivalent], fates: list[Fate]) -> list[str]:
    """What was said to be equivalent and was noticed; files that lack a policy have no say."""
    return [
        f"{fate.policy}, {fate.what}: equivalent.yaml says it changes nothing, and {fate.killed_by}"
        for fate in fates
        if fate.killed_by and _reason(reasons, fate.policy, fate.what)
    ]


def _reason(reasons: list[Equivalent], policy: str, what: str) -> str | None:
    return next(
        (
            each.why
            for each in reasons
            if fnmatchcase(policy, each.policy)
            and any(fnmatchcase(what, pattern.replace("[", "[[]")) for pattern in each.what)
        ),
        None,
    )


class _Account:
    """One deployed account and the claims about it."""

    def __init__(
        self, testbed: Testbed, account: Account, before: set[str], reasons: list[Equivalent]
    ) -> None:
        self.testbed, self.account, self.reasons, self.before = testbed, account, reasons, before
        self.clients = clients(account)
        self.iam = account.admin.client("iam")
        self.policy_claims = resource_policies.policy_claims(account.settings)

    def run(self, terminal: Terminal) -> Iterator[Fate]:
        with issued(self.testbed, self.account) as there:
            cells = matrix.claims(self.account.settings, issued=there)
            self._must_hold(cells)
            for target in targets(self.account, self.clients, self.before):
                yield from self._fates(target, cells, terminal)
        for target in targets_in_vault(self.account, self.testbed.vault()):
            yield from self._fates(target, [], terminal)
        with issued(self.testbed, self.account) as there:
            self._must_hold(matrix.claims(self.account.settings, issued=there))

    def _must_hold(self, cells: list[matrix.MatrixClaim]) -> None:
        broken = _broken_cell(self.iam, cells) or _broken_policy_claim(self.clients, self.policy_claims)
        for role in self.account.stack.outputs().get("vault_policies", {}):
            broken = broken or self._broken_in_vault(role)
        if broken:
            raise RehearsalError(
                f"{self.account.name}: a claim is false although no mutant is in place: {broken}.",
                "`iam-hardening rehearse` shows all of them; make the claims hold first.",
            )

    def _fates(self, target: Target, cells: list[matrix.MatrixClaim], terminal: Terminal) -> Iterator[Fate]:
        found = []
        for mutation in terminal.progress(f"{self.account.name}: {target.name}", target.mutations):
            killed_by = self._killed_by(target, mutation, cells)
            why = None if killed_by else _reason(self.reasons, target.name, mutation.what)
            found.append(
                Fate(
                    account=self.account.name,
                    policy=target.name,
                    what=mutation.what,
                    killed_by=killed_by,
                    equivalent=why,
                )
            )
        terminal.mutants(
            self.account.name,
            target.name,
            noticed=sum(fate.killed_by is not None for fate in found),
            survivors=[fate.what for fate in found if fate.survives],
            equivalent=sum(fate.equivalent is not None for fate in found),
        )
        yield from found

    def _killed_by(self, target: Target, mutation: Mutation, cells: list[matrix.MatrixClaim]) -> str | None:
        try:
            target.apply(mutation)
            if target.resource_id:
                asked = [claim for claim in self.policy_claims if claim.resource_id == target.resource_id]
                return _broken_policy_claim(self.clients, asked, {target.resource_id: mutation.document})
            if target.vault_role:
                return self._broken_in_vault(target.vault_role)
            # The claims about the policy itself first: most mutants do not get past them.
            own = [cell for cell in cells if target.arn and cell.policy_arn == target.arn]
            others = [cell for cell in cells if cell.policy_arn is None]
            return _broken_cell(self.iam, own) or _broken_cell(self.iam, others)
        except ClientError as error:
            return f"AWS refuses it: {error}"
        finally:
            target.restore()

    def _broken_in_vault(self, role: str) -> str | None:
        """Whether a token with the role's policy gets what it should, and the issued principal may do
        that."""
        return _broken_policy(self.testbed, self.account, role) or self._broken_user(role)

    def _broken_user(self, role: str) -> str | None:
        vault = self.account.settings.vault
        if vault is None or vault.roles[role].credential_type != "iam_user":
            return None
        with issued(self.testbed, self.account, only=role) as there:
            if role not in there.users:
                return "Vault issues no user any more"
            cells = matrix.claims(self.account.settings, issued=there)
            return _broken_cell(self.iam, [cell for cell in cells if cell.subject == there.users[role]])


def _broken_cell(iam: Any, cells: list[matrix.MatrixClaim]) -> str | None:
    for verdict in matrix.evaluate(iam, cells):
        if not verdict.holds:
            cell = verdict.claim
            return f"{cell.who}, MFA {cell.mfa}: {cell.action} on {cell.resource} is {verdict.found}"
    return None


def _broken_policy_claim(
    make: resource_policies.Clients,
    asked: list[resource_policies.PolicyClaim],
    instead: dict[resource_policies.ResourceId, dict[str, Any]] | None = None,
) -> str | None:
    for verdict in resource_policies.evaluate(make, asked, instead):
        if not verdict.holds:
            return f"{verdict.claim.call} at {verdict.claim.resource_id} is {verdict.found}"
    return None


def _broken_policy(testbed: Testbed, account: Account, role: str) -> str | None:
    """Real calls with a token that has the role's policy. Vault's answers other than a refusal count as
    let through: what is asked for need not exist."""
    outputs = account.stack.outputs()
    mount, policies = outputs["vault_mount"], outputs["vault_policies"]
    root = testbed.vault()
    token = root.auth.token.create(policies=[policies[role]], ttl="1h")["auth"]["client_token"]
    holder = testbed.vault(token)
    path = f"{mount}/creds/{role}"
    closed = [*(f"{mount}/creds/{other}" for other in policies if other != role), f"{mount}/creds/another"]
    closed += [f"{mount}/config/root", f"{mount}/roles/{role}", "sys/mounts", "sys/policies/acl/default"]
    try:
        asked: dict[str, Callable[[], object]] = {
            f"vault read {path}?role_session_name=…": lambda: holder.adapter.get(
                f"/v1/{path}", params={"role_session_name": "somebody"}
            ),
            f"vault write {path}": lambda: holder.write_data(path, data={}),
            f"vault list {path}": lambda: holder.list(path),
            **{f"vault read {other}": partial(holder.read, other) for other in closed},
        }
        for what, call in asked.items():
            if attempt(call).found != REFUSED:
                return f"token with {policies[role]}: {what} is {ALLOWED}"
        found = attempt(lambda: holder.read(path)).found
        return None if found == ALLOWED else f"token with {policies[role]}: vault read {path} is {found}"
    finally:
        # With the token go the leases that it asked for.
        root.auth.token.revoke(token)
