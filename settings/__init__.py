"""A stack file, checked once and whole before anything is registered.

`load` takes what Pulumi read from `Pulumi.<stack>.yaml` and answers with frozen `Settings`, or with one
`ConfigError` that tells every mistake of the file. Nothing here talks to AWS, so what only AWS knows (whether
a managed policy or a subnet exists) shows at preview.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

import naming
from settings.checks import check, is_administrators, own_account_id
from settings.report import ConfigError, Problem, nearest, sentence_for
from settings.sections import (
    CrossAccountRole,
    Group,
    Instance,
    PasswordPolicy,
    Permissions,
    ProjectConfig,
    ProviderConfig,
    Section,
    Statement,
    User,
    Vault,
    VaultRole,
)

__all__ = [
    "ConfigError",
    "CrossAccountRole",
    "Group",
    "Instance",
    "PasswordPolicy",
    "Permissions",
    "Settings",
    "Statement",
    "User",
    "Vault",
    "VaultRole",
    "is_administrators",
    "load",
]

# Namespaces of Pulumi and of the two providers, which check their own keys.
_FOREIGN_NAMESPACES = ("aws", "vault", "pulumi")

S = TypeVar("S", bound=Section)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What one account gets. Durations are in seconds; names are as they will stand in AWS."""

    stack: str
    account_id: str
    region: str
    partition: str
    is_central: bool
    central_account_id: str | None
    tags: Mapping[str, str]
    password_policy: PasswordPolicy
    groups: Mapping[str, Group]
    users: Mapping[str, User]
    cross_account_roles: Mapping[str, CrossAccountRole]
    instance: Instance | None
    vault: Vault | None


def load(config: Mapping[str, Any], *, project: str, stack: str) -> Settings:
    """The settings of one stack.

    `config` maps full keys (`aws:region`, `iam-hardening:users`) to values; lists and maps may be JSON text,
    as Pulumi hands them over, or already parsed. Raises `ConfigError` with all mistakes.
    """
    written = {key: _parsed(value) for key, value in config.items()}
    problems = list(_unknown_namespaces(written, project))
    own = {key.split(":", 1)[1]: value for key, value in written.items() if key.startswith(f"{project}:")}
    aws = {key.split(":", 1)[1]: value for key, value in written.items() if key.startswith("aws:")}
    parsed, own_problems = _parse(ProjectConfig, own, project)
    provider, provider_problems = _parse(ProviderConfig, aws, "aws")
    problems += [*own_problems, *provider_problems, *check(parsed, provider, written, project)]
    account_id = own_account_id(provider)
    if problems or account_id is None or provider.region is None:
        raise ConfigError(f"Pulumi.{stack}.yaml", problems)
    return Settings(
        stack=stack,
        account_id=account_id,
        region=provider.region,
        partition=naming.partition_of(provider.region),
        is_central=parsed.account_kind == "central",
        central_account_id=parsed.central_account_id,
        tags={"ManagedBy": "pulumi", "Project": project, "Stack": stack, **parsed.tags},
        password_policy=parsed.password_policy,
        groups=parsed.groups,
        users=parsed.users,
        cross_account_roles=parsed.cross_account_roles,
        instance=parsed.instance,
        vault=parsed.vault,
    )


def _parsed(value: Any) -> Any:
    """Pulumi hands lists and maps over as JSON text; everything else as the text of the scalar."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _unknown_namespaces(written: Mapping[str, Any], project: str) -> list[Problem]:
    namespaces = [project, *_FOREIGN_NAMESPACES]
    return [
        Problem(key, f"unknown namespace; {nearest(key.split(':')[0], namespaces)}")
        for key in written
        if key.split(":")[0] not in namespaces
    ]


def _parse(model: type[S], values: Mapping[str, Any], namespace: str) -> tuple[S, list[Problem]]:
    """The model from the entries that are well-formed, and the problems of those that are not."""
    remaining = dict(values)
    try:
        return model.model_validate(remaining), []
    except ValidationError as invalid:
        errors = invalid.errors(include_url=False)
    problems = []
    for error in errors:
        location = tuple(part for part in error["loc"] if part != "[key]")
        problems.append(
            Problem(_key(namespace, location), sentence_for(error, _keys_at(model, location[:-1])))
        )
        _drop(remaining, location)
    return model.model_validate(remaining), problems


def _drop(values: dict[str, Any], location: tuple[int | str, ...]) -> None:
    """Take out the smallest named entry that holds the mistake: `users.Bob`, or the whole section."""
    section = values.get(str(location[0]))
    if isinstance(section, dict) and len(location) > 1 and str(location[0]) in _NAMED_ENTRIES:
        values[str(location[0])] = {name: entry for name, entry in section.items() if name != location[1]}
    else:
        values.pop(str(location[0]), None)


_NAMED_ENTRIES = ("groups", "users", "crossAccountRoles", "tags")


def _key(namespace: str, location: tuple[int | str, ...]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return f"{namespace}:{text.lstrip('.')}"


def _keys_at(annotation: Any, location: tuple[int | str, ...]) -> list[str]:
    """The keys that are known at a place in the file, for «did you mean»."""
    for part in location:
        annotation = _model_or_container(annotation)
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            fields = {field.alias: field.annotation for field in annotation.model_fields.values()}
            annotation = fields.get(str(part))
        else:
            annotation = get_args(annotation)[-1] if get_args(annotation) else None
    annotation = _model_or_container(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return sorted(str(field.alias) for field in annotation.model_fields.values())
    return []


def _model_or_container(annotation: Any) -> Any:
    """`Annotated[X, …]` and `X | None` → X."""
    while get_args(annotation) and get_origin(annotation) not in (list, dict):
        annotation = get_args(annotation)[0]
    return annotation
