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

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iam_hardening.config.errors import ConfigError, Problem

OPTION = "--environment-values"
_OPENED = ("pulumiConfig", "environmentVariables", "files")
_EXPRESSION = "is an expression that only ESC evaluates; write its value"


@dataclass(frozen=True, kw_only=True)
class Values:
    """A file of values. `by_name` maps an environment or a stack to its keys, `common` are every stack's."""

    file: str
    common: Mapping[str, Any]
    by_name: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, file: str, content: Mapping[str, Any]) -> "Values":
        """Raises ConfigError with all that is wrong with the content."""
        problems: list[Problem] = []
        names = [] if _is_opened(content) else [name for name in content if _is_name(name, content[name])]
        by_name = {name: _configuration(content[name], problems, f"{name}.") for name in names}
        rest = {name: value for name, value in content.items() if name not in by_name}
        common = _configuration(rest, problems, "")
        if not common and not any(by_name.values()):
            problems.append(
                Problem("file", "gives no configuration; write keys such as `aws:region: us-east-1`")
            )
        if problems:
            raise ConfigError(file, problems)
        return cls(file=file, common=common, by_name=by_name)

    def for_stack(self, stack: str, environments: Iterable[str]) -> dict[str, Any]:
        """What the environments of a stack give, later ones over earlier ones."""
        given: dict[str, Any] = dict(self.common)
        for name in (*environments, stack):
            for key, value in self.by_name.get(name, {}).items():
                given[key] = _merged(given.get(key), value)
        return given


def names(written: Any) -> tuple[str, ...]:
    """The environments that `environment:` imports: `acme/aws-dev`. Inline values have no name."""
    if isinstance(written, Mapping):
        imported = written.get("imports") or []
        return (*names(imported), *(("its own values",) if written.get("values") else ()))
    if isinstance(written, str):
        return (written,)
    found: list[str] = []
    for entry in written if isinstance(written, list) else []:
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


def not_opened(environments: Iterable[str]) -> str | None:
    """A note where environments may give more than this command sees."""
    opened = ", ".join(environments)
    if not opened or _given:
        return None
    return f"the environment {opened} was not opened. If it gives configuration: {OPTION} FILE."


def _is_opened(content: Mapping[str, Any]) -> bool:
    """As `pulumi env open` prints an environment, or, below `values`, as `pulumi env get` shows it."""
    definition = content.get("values")
    return any(name in content for name in _OPENED) or (
        isinstance(definition, Mapping) and _is_opened(definition)
    )


def _is_name(key: str, body: Any) -> bool:
    return ":" not in key and isinstance(body, Mapping)


def _configuration(body: Mapping[str, Any], problems: list[Problem], where: str) -> Mapping[str, Any]:
    definition = body.get("values")
    if isinstance(definition, Mapping):
        return _configuration(definition, problems, f"{where}values.")
    if _is_opened(body):
        body, where = body.get("pulumiConfig") or {}, f"{where}pulumiConfig."
        if not isinstance(body, Mapping):
            problems.append(Problem(where.removesuffix("."), "is not a mapping of configuration keys"))
            return {}
    for key, value in body.items():
        problems += [Problem(f"{where}{key}", _EXPRESSION) for _ in _expressions(value)][:1]
    return body


def _expressions(value: Any) -> Iterator[Any]:
    if isinstance(value, str) and "${" in value and not _is_policy_variable(value):
        yield value
    elif isinstance(value, Mapping):
        if any(str(key).startswith("fn::") for key in value):
            yield value
        for each in value.values():
            yield from _expressions(each)
    elif isinstance(value, list):
        for each in value:
            yield from _expressions(each)


def _is_policy_variable(text: str) -> bool:
    """`${aws:username}` is IAM's, and stays as it is."""
    return all(part.split("}")[0].partition(":")[1] for part in text.split("${")[1:])


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
    from iam_hardening.config import reading

    global _given
    _given = Values.of(path.name, reading.mapping_of(path)) if path else None
    return path


def given() -> Values | None:
    return _given
