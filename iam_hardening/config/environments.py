"""Pulumi ESC environments (`environment:` in a stack file): their names, never their content.

Opening one runs what it imports, and can mint live credentials. Nothing here does that. What environments
give to the stacks' configuration (`pulumiConfig`) comes from a file that a person names
(`--environment-values`), in one of these shapes:

    aws:region: us-east-1                       configuration keys, for each stack with an environment
    pulumiConfig: {aws:region: us-east-1}       the same as `pulumi env open` prints it; its other keys
                                                (`environmentVariables`, credentials) are not read
    acme/aws-dev: {aws:region: us-east-1}       either of them below an environment's or a stack's name

Source: Pulumi ESC, "pulumiConfig"; mergeConfig in pulumi/pkg workspace/config.go (RFC 7386, the stack's value
counts).
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from iam_hardening.config.errors import ConfigError, Problem, nearest

OPTION = "--environment-values"
INLINE = "its own values"
_OPENED = ("pulumiConfig", "environmentVariables", "files")
_EXPRESSION = "is an expression that only ESC evaluates; write its value"
# `${aws:username}` is IAM's; ESC's names have no colon but in brackets and quotes.
_POLICY_VARIABLE = re.compile(r"\$\{[A-Za-z0-9-]+:[^}\[\]\"]+\}")


@dataclass(frozen=True, kw_only=True)
class Values:
    """A file of values. `by_name` maps an environment or a stack to its keys, `common` are every stack's.
    `taken` are the names that a stack file has asked for."""

    file: str
    common: Mapping[str, Any]
    by_name: Mapping[str, Mapping[str, Any]]
    taken: set[str] = field(default_factory=set, compare=False)

    @classmethod
    def of(cls, file: str, content: Mapping[str, Any]) -> "Values":
        """Raises ConfigError with all that is wrong with the content."""
        problems: list[Problem] = []
        if _is_opened(content) or isinstance(content.get("config"), Mapping):
            common, by_name = _configuration(content, problems, ""), {}
        else:
            named = {name: body for name, body in content.items() if _is_name(name)}
            by_name = {
                _unversioned(name): _configuration(body, problems, f"{name}.") for name, body in named.items()
            }
            rest = {name: value for name, value in content.items() if name not in named}
            common = _configuration(rest, problems, "")
        if not problems and not common and not any(by_name.values()):
            problems.append(
                Problem("file", "gives no configuration; write keys such as `aws:region: us-east-1`")
            )
        if problems:
            raise ConfigError(file, problems)
        return cls(file=file, common=common, by_name=by_name)

    def for_stack(self, stack: str, environments: Iterable[str]) -> dict[str, Any]:
        """What the environments of a stack give, later ones over earlier ones."""
        given: dict[str, Any] = dict(self.common)
        for name in (*map(_unversioned, environments), *self._names_of_stack(stack)):
            self.taken.add(name)
            for key, value in self.by_name.get(name, {}).items():
                given[key] = _merged(given.get(key), value)
        return given

    def unknown(self) -> list[Problem]:
        """The names that no stack file asked for, once all have been read: most likely mistyped."""
        asked = sorted(self.taken)
        return [
            Problem(name, f"is no stack with an environment, and no such environment; {nearest(name, asked)}")
            for name in self.by_name
            if name not in self.taken
        ]

    def _names_of_stack(self, stack: str) -> list[str]:
        """`dev`, and with organization and project before it."""
        return [
            stack,
            *(name for name in self.by_name if name.endswith(f"/{stack}") and name.count("/") == 2),
        ]


def literal(written: Any) -> dict[str, Any]:
    """The configuration that an inline environment has in the stack file itself; without expressions, which
    only ESC evaluates."""
    values = written.get("values") if isinstance(written, Mapping) else None
    given = values.get("pulumiConfig") if isinstance(values, Mapping) else None
    if not isinstance(given, Mapping):
        return {}
    return {str(key): value for key, value in given.items() if not any(_expressions(value))}


def names(written: Any) -> tuple[str, ...]:
    """The environments that `environment:` imports: `acme/aws-dev`. Inline values have no name."""
    if isinstance(written, Mapping):
        imported = written.get("imports") or []
        rest = set(written.get("values") or ()) - {"pulumiConfig"}
        configured = (written.get("values") or {}).get("pulumiConfig") or {}
        has_more = bool(rest) or len(literal(written)) < len(configured)
        return (*names(imported), *((INLINE,) if has_more else ()))
    if isinstance(written, str):
        return (written,)
    found: list[str] = []
    for entry in filter(None, written if isinstance(written, list) else []):
        found += list(map(str, entry)) if isinstance(entry, Mapping) else [str(entry)]
    return tuple(found)


def add(config: dict[str, Any], given: Mapping[str, Any]) -> None:
    """Puts an environment's keys below those of a stack file, as `pulumi up` does."""
    for key, value in given.items():
        config[key] = _merged(value, config[key]) if key in config else value


def with_environments(error: ConfigError, environments: Iterable[str], values: Values | None) -> ConfigError:
    """The same mistakes. Where a key is missing that an environment may give: with what to do."""
    opened = ", ".join(environments)
    missing = [problem.key for problem in error.problems if "is missing" in problem.sentence]
    if not opened or not missing:
        return error
    keys = ", ".join(missing)
    where = f"add them to {values.file}" if values else f"write them into a file, and name it: {OPTION} FILE"
    sentence = (
        f"is {opened}, which is never opened here, as that can mint live credentials. If it "
        f"gives {keys}: {where}"
    )
    return ConfigError(error.file, [*error.problems, Problem("environment", sentence)])


def note(stack: str, environments: Iterable[str]) -> str | None:
    """Where the configuration of a stack's environments is from; None for a stack without any."""
    opened = ", ".join(environments)
    if not opened:
        return None
    if _given and _given.for_stack(stack, environments):
        return f"the configuration of {opened} is from {_given.file}."
    return f"the environment {opened} was not opened. If it gives configuration: {OPTION} FILE."


def check_names() -> None:
    """Once all stack files have been read. Raises ConfigError for names in the file of values that are none
    of theirs: what is below them would be lost without a word."""
    if _given and (unknown := _given.unknown()):
        raise ConfigError(_given.file, unknown)


def _is_opened(content: Mapping[str, Any]) -> bool:
    """As `pulumi env open` prints an environment, or, below `values`, as `pulumi env get` shows it."""
    definition = content.get("values")
    return any(name in content for name in _OPENED) or (
        isinstance(definition, Mapping) and _is_opened(definition)
    )


def _is_name(key: str) -> bool:
    """A stack's or an environment's, and no key: those have a namespace (`aws:region`)."""
    return ":" not in key


def _unversioned(environment: str) -> str:
    """`acme/aws-dev` of `acme/aws-dev@stable`."""
    return environment.partition("@")[0]


def _configuration(body: Any, problems: list[Problem], where: str) -> dict[str, Any]:
    """The keys of one body, with those of Pulumi's own forms unwrapped."""
    if isinstance(body, Mapping) and isinstance(body.get("values"), Mapping):
        return _configuration(body["values"], problems, f"{where}values.")
    if isinstance(body, Mapping) and _is_opened(body):
        return _configuration(body.get("pulumiConfig") or {}, problems, f"{where}pulumiConfig.")
    if isinstance(body, Mapping) and isinstance(body.get("config"), Mapping):  # as a stack file has it
        return _configuration(body["config"], problems, f"{where}config.")
    if not isinstance(body, Mapping):
        problems.append(
            Problem(
                where.removesuffix(".") or "file",
                "is neither a configuration key, which has a namespace (aws:region), nor a mapping "
                "of them below the "
                "name of an environment or a stack",
            )
        )
        return {}
    found: dict[str, Any] = {}
    for key, value in body.items():
        found[key] = _plain(value)
        problems += [Problem(f"{where}{key}", _EXPRESSION) for _ in _expressions(value)][:1]
    return found


def _plain(value: Any) -> Any:
    """Out of what `pulumi config --json` prints, and out of JSON text."""
    if isinstance(value, Mapping) and "value" in value and set(value) <= {"value", "objectValue", "secret"}:
        value = value.get("objectValue", value["value"])
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _expressions(value: Any) -> Iterator[Any]:
    if isinstance(value, str) and "${" in _POLICY_VARIABLE.sub("", value.replace("$${", "")):
        yield value
    elif isinstance(value, Mapping):
        if any(str(key).startswith("fn::") for key in value):
            yield value
        for each in value.values():
            yield from _expressions(each)
    elif isinstance(value, list):
        for each in value:
            yield from _expressions(each)


def _merged(below: Any, above: Any) -> Any:
    """RFC 7386: mappings are merged, anything else is `above`."""
    if not isinstance(below, Mapping) or not isinstance(above, Mapping):
        return above
    merged = dict(below)
    for key, value in above.items():
        merged[key] = _merged(below.get(key), value)
    return merged


# --- What the command line gave

_given: Values | None = None


def use(path: Path | None) -> Path | None:
    """Takes a file of values for the rest of this process; None takes it back. Raises ConfigError."""
    global _given
    _given = Values.of(path.name, _content(path)) if path else None
    return path


def _content(path: Path) -> dict[str, Any]:
    """Of JSON, which programs write, and of YAML. Values may be secrets, and are not in an error."""
    from iam_hardening.config import reading

    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return reading.mapping_of(path, hidden=True)
    if not isinstance(content, dict):
        raise ConfigError(path.name, [Problem("file", "is not a mapping of configuration keys")])
    return content


def given() -> Values | None:
    return _given
