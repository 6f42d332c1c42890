"""Stack files and Pulumi.yaml as the Pulumi engine reads them, or a sentence that says what to write instead.

The engine reads YAML with Go's yaml.v3, in which `NO` and `on` are text, 0812346 is the number 812346 and
2024-01-31 a date; other libraries disagree. Here text without quotes is what it is for the engine. What the
engine takes for a number other than it is written, for a date, or for a key that is not text is refused:
put it in quotes. Compared with the engine's own packages in tests/infrastructure/test_reading.py.

Source: gopkg.in/yaml.v3 resolve.go; pulumi/sdk go/common/workspace/loaders.go and project.go, pkg/workspace.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from iam_hardening.config import environments
from iam_hardening.config.errors import ConfigError, Problem, nearest
from iam_hardening.config.parsing import encrypted

_TEXT_TAG = "tag:yaml.org,2002:str"
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")}
_NOT_FINITE = frozenset(
    sign + word for word in (".inf", ".Inf", ".INF") for sign in ("", "+", "-")
) | frozenset({".nan", ".NaN", ".NAN"})
_WHOLE_NUMBER = re.compile(r"0|-?[1-9][0-9]*")
_INT64 = range(-(2**63), 2**63)
# What yaml.v3 takes for a number once underscores are gone: strconv.ParseInt with base 0, and its floats.
_BASED = re.compile(r"[-+]?0[xX][0-9a-fA-F]+|[-+]?0[bB][01]+|[-+]?0[oO]?[0-7]+|[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
# Wider than yaml.v3's dates: a text of this shape is better in quotes.
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt \t].*)?")
_CONFLICT = re.compile(r"(<<<<<<<|>>>>>>>)( |$)|=======$")
_SLASH_ESCAPE = re.compile(r"(?<!\\)(\\\\)*\\/")
# A file that refers to itself over and over would grow without end.
_MOST_NODES = 100_000

_ENCRYPTION = frozenset({"secretsprovider", "encryptedkey", "encryptionsalt"})
_DECLARATION = frozenset({"type", "description", "items", "default", "value", "secret"})


@dataclass(frozen=True, kw_only=True)
class StackText:
    """The `config:` of one stack with what Pulumi.yaml and `--environment-values` add to it: full keys
    (`aws:region`) to values. `rest` are the file's other keys, such as `encryptionsalt`, `environments` the
    names of those that the file opens."""

    config: Mapping[str, Any]
    rest: Mapping[str, Any]
    environments: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ProjectText:
    """Pulumi.yaml: `declared` are the keys under its `config:`, `stack_folder` where the stack files are."""

    name: str
    stack_folder: Path
    declared: Mapping[str, Any] = field(default_factory=dict)
    content: Mapping[str, Any] = field(default_factory=dict)


def read_project(directory: Path) -> ProjectText:
    """Raises ConfigError."""
    path = directory / "Pulumi.yaml"
    if not path.is_file():
        raise ConfigError(
            path.name, [Problem(str(directory), "holds no Pulumi.yaml; run this in the project")]
        )
    content = mapping_of(path)
    name = content.get("name")
    if not isinstance(name, str) or not name:
        raise ConfigError(path.name, [Problem("name", "is missing; give the project's name")])
    declared = content.get("config")
    folder = content.get("stackConfigDir")
    if isinstance(declared, str):  # the older way to say where the stack files are
        declared, folder = None, declared
    if declared is not None and not isinstance(declared, dict):
        raise ConfigError(path.name, [Problem("config", "is neither a mapping of keys nor a folder's name")])
    stack_folder = directory / folder if isinstance(folder, str) and folder else directory
    return ProjectText(name=name, stack_folder=stack_folder, declared=declared or {}, content=content)


def read_stack(path: Path, project: ProjectText) -> StackText:
    """Raises ConfigError with all that is wrong with the file's YAML."""
    content = mapping_of(path)
    written_environment = content.get("environment")
    opened = environments.names(written_environment)
    written = content.pop("config", None)
    if written is None and written_environment:
        written = {}
    if written is None:
        raise ConfigError(
            path.name,
            [
                Problem(
                    "config",
                    "is missing: the file is empty, or as `pulumi stack init` made it. Write the account's "
                    "settings (docs/configuration.md), or remove the file",
                )
            ],
        )
    if not isinstance(written, dict):
        raise ConfigError(path.name, [Problem("config", "is not a mapping of keys, such as `aws:region:`")])
    config: dict[str, Any] = {}
    problems: list[Problem] = []
    for key, value in written.items():
        full = _full_key(project.name, key)
        if full.count(":") > 1:
            problems.append(Problem(key, "is no key; allowed: NAME, or NAMESPACE:NAME"))
        elif full in config:
            problems.append(Problem(key, f"is there twice: it is {full}; remove one of them"))
        config[full] = value
    values = environments.given()
    given = values.for_stack(stack_of(path), opened) if values and written_environment else {}
    for source in (given, environments.literal(written_environment)):
        environments.add(config, {_full_key(project.name, key): value for key, value in source.items()})
    problems += _apply(project, config)
    if problems:
        raise environments.with_environments(ConfigError(path.name, problems), opened, values)
    return StackText(config=config, rest=content, environments=opened)


def stack_of(path: Path) -> str:
    """`dev` of Pulumi.dev.yaml."""
    return path.name.removeprefix("Pulumi.").removesuffix(".yaml")


def check_file(path: Path) -> None:
    """Raises ConfigError where the engine would read something else than what the file says."""
    mapping_of(path)


def project_copy(project: ProjectText, without: Callable[[str], bool] = lambda key: False) -> str:
    """Pulumi.yaml for a folder that has the stack files, too. JSON is YAML with all text in quotes."""
    kept = {key: value for key, value in project.content.items() if key != "stackConfigDir"}
    if isinstance(kept.get("config"), str):
        del kept["config"]
    elif project.declared:
        kept["config"] = {key: value for key, value in project.declared.items() if not without(key)}
    return json.dumps(kept, indent=2) + "\n"


def stack_copy(text: StackText, without: Callable[[str], bool] = lambda key: False) -> str:
    """A stack file with all that was read for it, for a stack with another passphrase: without how its
    secrets are encrypted, and without the environments, which a local state cannot open."""
    kept = {key: value for key, value in text.rest.items() if key not in (*_ENCRYPTION, "environment")}
    kept["config"] = {key: value for key, value in text.config.items() if not without(key)}
    return json.dumps(kept, indent=2) + "\n"


def encrypted_keys(config: Mapping[str, Any]) -> list[str]:
    """The keys whose value, or something in it, is a secret of the stack."""
    return [key for key, value in config.items() if any(True for _ in encrypted(value))]


def _full_key(project: str, key: str) -> str:
    return key if ":" in key else f"{project}:{key}"


def _apply(project: ProjectText, config: dict[str, Any]) -> Iterator[Problem]:
    """Adds what Pulumi.yaml has for keys that the stack file leaves out: `pulumi up` does the same."""
    for name, declaration in project.declared.items():
        key = _full_key(project.name, name)
        if not isinstance(declaration, dict):
            declaration = {"default": declaration}
        unknown = set(declaration) - _DECLARATION
        if unknown:
            wrong = sorted(unknown)[0]
            yield Problem(key, f"in Pulumi.yaml has the key {wrong}; {nearest(wrong, _DECLARATION)}")
        elif key in config:
            continue
        elif declaration.get("default") is not None:
            config[key] = declaration["default"]
        elif declaration.get("value") is not None:
            config[key] = declaration["value"]
        elif key.startswith(f"{project.name}:"):
            yield Problem(key, "is missing: Pulumi.yaml declares it without a default")


# --- YAML


def mapping_of(path: Path, *, hidden: bool = False) -> dict[str, Any]:
    """The one document of a file. Raises ConfigError; with `hidden` its values are not in the sentences."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigError(path.name, [Problem("file", f"cannot be read: {error.strerror}")]) from None
    text = _decoded(path.name, raw)
    for number, line in enumerate(text.splitlines(), 1):
        if _CONFLICT.match(line):
            sentence = f"has a merge conflict ({line.split(' ')[0]}): settle it, and remove the markers"
            raise ConfigError(path.name, [Problem(f"line {number}", sentence)])
    try:
        documents = list(yaml.compose_all(text, Loader=yaml.BaseLoader))
    except yaml.YAMLError as error:
        raise ConfigError(path.name, [_syntax(error, text)]) from None
    except RecursionError:
        raise ConfigError(path.name, [Problem("file", "is nested too deeply")]) from None
    if text.startswith("%"):
        raise ConfigError(
            path.name, [Problem("line 1", "is a directive (%): remove the line, and the `---`")]
        )
    if len(documents) > 1:
        begins = documents[1].start_mark.line + 1
        sentence = "begins a second document, which Pulumi leaves out: remove the `---` or what follows it"
        raise ConfigError(path.name, [Problem(f"line {begins}", sentence)])
    node = documents[0] if documents else None
    if node is None or (isinstance(node, yaml.ScalarNode) and _resolve(node).value is None):
        return {}
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError(
            path.name, [Problem("line 1", "is not a mapping; it begins with keys, such as `config:`")]
        )
    reader = _Reader(text, hidden=hidden)
    content = reader.value(node, ())
    if reader.problems:
        raise ConfigError(path.name, reader.problems)
    return dict(content)


def _decoded(name: str, raw: bytes) -> str:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        sentence = "is not UTF-8 text; save the file as UTF-8"
        raise ConfigError(name, [Problem(f"line {line}", sentence)]) from None
    return text


def _syntax(error: yaml.YAMLError, text: str) -> Problem:
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        position = int(getattr(error, "position", 0))
        return Problem(
            f"line {text[:position].count(chr(10)) + 1}", "has a character that YAML does not allow"
        )
    said = getattr(error, "problem", None) or "is not YAML"
    if "\\t" in said:
        said = "a tab; indent with spaces"
    context = getattr(error, "context", None)
    return Problem(f"line {mark.line + 1}", f"is not YAML: {said}" + (f" ({context})" if context else ""))


@dataclass(frozen=True)
class _Resolved:
    """`kind` is the engine's; `exact` whether the value is again what is written."""

    kind: str
    value: Any
    exact: bool = True


def _resolve(node: yaml.ScalarNode) -> _Resolved:
    text = str(node.value)
    if node.style is not None:
        return _Resolved("text", text)
    if text in _NULL:
        return _Resolved("nothing", None)
    if text in _BOOLEANS:
        return _Resolved("boolean", _BOOLEANS[text])
    if text in _NOT_FINITE:
        return _Resolved("number", text, exact=False)
    if _WHOLE_NUMBER.fullmatch(text) and int(text) in _INT64:
        return _Resolved("number", int(text))
    if text[0] in "+-.0123456789":
        plain = text.replace("_", "")
        if _DATE.fullmatch(text):
            return _Resolved("date", text, exact=False)
        if _FLOAT.fullmatch(plain):
            number = float(plain)
            # The engine writes a file again before it reads it: 1.0 becomes 1 on the way.
            return _Resolved("number", number, exact=text == repr(number) and not number.is_integer())
        if _BASED.fullmatch(plain):
            return _Resolved("number", text, exact=False)
    return _Resolved("text", text)


class _Reader:
    """From YAML's nodes to values; `problems` are what the engine would read otherwise than it is written."""

    def __init__(self, text: str, *, hidden: bool = False) -> None:
        self._text = text
        self._hidden = hidden
        self.problems: list[Problem] = []
        self._nodes = 0
        self._open: set[int] = set()

    def value(self, node: yaml.Node, path: tuple[str | int, ...]) -> Any:
        self._nodes += 1
        if self._nodes > _MOST_NODES:
            raise ConfigError("the file", [Problem(_place(node, path), "refers to itself too often")])
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if id(node) in self._open:
            self._refuse(node, path, "refers to itself")
            return None
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self.value(each, (*path, index)) for index, each in enumerate(node.value)]
            assert isinstance(node, yaml.MappingNode)
            return self._mapping(node, path)
        finally:
            self._open.discard(id(node))

    def _scalar(self, node: yaml.ScalarNode, path: tuple[str | int, ...]) -> Any:
        self._check_escapes(node, path)
        if node.tag != _TEXT_TAG:
            self._refuse(node, path, f"has the tag {node.tag}; write the value without it")
            return None
        found = _resolve(node)
        if not found.exact:
            written = "a value" if self._hidden else node.value
            self._refuse(node, path, f"is {written}, which Pulumi reads as a {found.kind}: put it in quotes")
        return found.value

    def _check_escapes(self, node: yaml.ScalarNode, path: tuple[str | int, ...]) -> None:
        written = self._text[node.start_mark.index : node.end_mark.index]
        if node.style == '"' and _SLASH_ESCAPE.search(written):
            self._refuse(node, path, "has the escape \\/, which Pulumi does not know: write / alone")

    def _mapping(self, node: yaml.MappingNode, path: tuple[str | int, ...]) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        merges = 0
        for key_node, value_node in node.value:
            # In quotes, too: the engine writes the file again before it reads it.
            if isinstance(key_node, yaml.ScalarNode) and key_node.value == "<<":
                merges += 1
                if merges > 1 or key_node.style is not None:
                    self._refuse(
                        key_node, path, "has << twice or in quotes; give one list: <<: [*one, *other]"
                    )
                self._merge(merged, value_node, path)
                continue
            key = self._key(key_node, path)
            if key is None:
                continue
            if key in own:
                self._refuse(key_node, (*path, key), "is there twice; remove one of them")
            own[key] = self.value(value_node, (*path, key))
        return {**merged, **own} if merged else own

    def _merge(self, merged: dict[str, Any], node: yaml.Node, path: tuple[str | int, ...]) -> None:
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        for source in sources:
            if not isinstance(source, yaml.MappingNode):
                self._refuse(source, path, "is merged (<<) and is not a mapping")
                continue
            for key, value in self.value(source, path).items():
                merged.setdefault(key, value)

    def _key(self, node: yaml.Node, path: tuple[str | int, ...]) -> str | None:
        if not isinstance(node, yaml.ScalarNode):
            self._refuse(node, path, "has a list or a mapping for a key; a key is text")
            return None
        if node.tag != _TEXT_TAG:
            self._refuse(node, path, f"has a key with the tag {node.tag}; write the key without it")
            return None
        self._check_escapes(node, path)
        found = _resolve(node)
        # A whole number is its own text again, but the engine takes no such key at the top.
        if found.kind == "text" or (found.kind == "number" and found.exact and len(path) > 1):
            return str(node.value)
        shown = node.value or "(empty)"
        self._refuse(
            node,
            (*path, node.value),
            f"is the key {shown}, which Pulumi reads as a {found.kind}: put it in quotes",
        )
        return None

    def _refuse(self, node: yaml.Node, path: tuple[str | int, ...], sentence: str) -> None:
        self.problems.append(Problem(_place(node, path), sentence))


def _place(node: yaml.Node, path: tuple[str | int, ...]) -> str:
    """`line 12, iam-hardening:users.0812346`."""
    parts = path[1:] if path[:1] == ("config",) else path
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return (
        f"line {node.start_mark.line + 1}, {text.removeprefix('.')}"
        if text
        else f"line {node.start_mark.line + 1}"
    )
