"""Stack files as the engine reads them: compared with the engine's own packages (tools/stack-file).

Whatever our reader takes, the engine takes, and for the same values. What it refuses, it refuses with a line.
"""

import json
import random
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from iam_hardening.config import ConfigError
from iam_hardening.config.reading import read_project, read_stack
from rehearsal import tools

pytestmark = pytest.mark.engine

PROJECT = "name: p\nruntime: python\n"
# Text without quotes, as keys and as values.
SCALARS = re.split(
    r"\n|  ",
    """NO  no  No  Yes  yes  y  n  on  Off  true  True  TRUE  tRUE  false  FALSE  ~  null  Null  NULL
nUll  0  -0  +0  1  -1  +1  12  012  0812346  0012345  00  0o17  0O17  0x1F  0X1f  0b101  -0b1
1_000  _1  1_  1__0  0_7  0x_1  9223372036854775807  9223372036854775808  -9223372036854775809
18446744073709551616  1.5  1.50  1.  .5  -.5  +.5  .  ..  .5.5  1.5.6  1e3  1E3  1e  1.0  0.1
1e400  12e03  -2E+05  685_230.15  190:20:30  12:30:45  1:1  20:30  .inf  -.INF  +.inf  .nan
.NaN  inf  nan  2024-01-31  2024-1-3  2024-13-45  2024-01-31T10:00:00Z  2024-01-31 10:00:00
2024-01-31t10:00:00.5+01:00  2024-01-31-backup  2024-01  20240131  =  <  -  --  - a  a  a b  a:b
a#b  a #b  ä  日本  🙂  é  @a  `a  %a  !a  &a  *a  |  >  ?  '012'  "012"  'NO'  "\\u263A"
"\\x41\\t"  'it''s'  "a\\/b"  !!str 012  !!int 12  ! 12  1 2  0x  0b  0o  0b12  0o8  08  09  007
-07  +07  1,000  $1  1%  é1  \u0661  111111111111  012345678901  123456789012345678901
arn:aws:iam::111111111111:user/a  s3:*  *  0.0.0.0/0  1.2.3.4  v1  1h  30m  1e3d  0d  e3  -e3
+a  -a  .a  0a  1a  a1""",
)
_SIGNS = "0123456789+-._:exXoObBTZnNyYaAfF~<=/"
FILES = [
    "",
    "# nothing\n",
    "---\n",
    "config:\n",
    "config: {}\n",
    "config: x\n",
    "- a\n",
    "a\n",
    "encryptionsalt: v1:abc\n",
    "config:\n  a: 1\nencryptionsalt: v1:abc\n",
    "config:\r\n  a: 1\r\n  b: [x, y]\r\n",
    "config:\r  a: 1\r",
    "config:\n\ta: 1\n",
    "config:\n  a:\tx\n",
    "config:\n  a: x\t\n",
    "config:\n  a: [x,\ty]\n",
    "config:\n  a: {b: 1, b: 2}\n",
    "config:\n  a: 1\n  a: 2\n",
    "config:\n  a: {1: x, '1': y}\n",
    "config:\n  base: &base {x: 1, y: 2}\n  a: {<<: *base, x: 3}\n",
    "config:\n  base: &base {x: 1, y: 2}\n  a: {x: 3, <<: *base}\n",
    "config:\n  b: &b {x: 1}\n  c: &c {x: 2, y: 2}\n  a: {<<: [*b, *c]}\n",
    "config:\n  b: &b {x: 1}\n  c: &c {x: 2, y: 2}\n  a: {<<: *b, <<: *c}\n",
    "config:\n  b: &b [1, 2]\n  a: {<<: *b}\n",
    "config:\n  a: {'<<': {x: 1}}\n",
    'config:\n  a: {"<<": {x: 1}}\n',
    "config:\n  a: &a [1, 2]\n  b: *a\n",
    "config:\n  a: &a [*a]\n",
    "config:\n  a: *gone\n",
    "config:\n  ? [x]\n  : y\n",
    "config:\n  a:\n    ? x\n    : y\n",
    "config:\n  a: |\n    one\n    two\n",
    "config:\n  a: >-\n    one\n    two\n",
    "config:\n  a: one\n    two\n",
    "config:\n  a: 'one\n    two'\n",
    "config:\n  a: x\n---\nconfig:\n  a: y\n",
    "config:\n  a: x\n...\n",
    "%YAML 1.1\n---\nconfig:\n  a: yes\n",
    "%YAML 1.2\n---\nconfig:\n  a: yes\n",
    "config:\n  a: {secure: AAAB}\n",
    "config:\n  a: {b: {secure: AAAB}}\n",
    "config:\n  p:a: x\n  aws:region: us-east-1\n  b: y\n",
    "config:\n  p:a: x\n  a: y\n",
    "config:\n  a: '[1, 2]'\n",
    "config:\n  a: '{'\n",
    "config:\n<<<<<<< HEAD\n  a: x\n=======\n  a: y\n>>>>>>> other\n",
    "config:\n  a: x\u2028y\n",
    "config:\n  a: x\u0085y\n",
    "config:\n  a: \u00a0x\n",
    "config:\n  a: x\x07\n",
    "\ufeffconfig:\n  a: x\n",
    "config:\n  \ufeffa: x\n",
    "config: {a: [1, 2, ], b: {}}\n",
    "config: {a: [, 1]}\n",
    "config:\n  a: [1\n",
    "config:\n  - a\n",
    "config:\n  1: x\n",
    "config:\n  true: x\n",
    "config:\n  a: {? : x}\n",
    "config:\n  a: {x}\n",
    "config:\n  a: {x: }\n",
    "environment: [dev]\nconfig: {a: 1}\n",
]
PROJECTS = [
    "config: {a: 1}\n",
    "config: {a: text, b: [1, 2], 'aws:region': us-east-1}\n",
    "config:\n  a: {type: string, default: x}\n",
    "config:\n  a: {type: integer, default: 5, description: five}\n  b: {default: [1]}\n",
    "config:\n  aws:region: {value: us-west-2}\n",
    "config:\n  a: {type: array, items: {type: string}, default: [x, y]}\n",
    "config:\n  p:a: x\n",
    "config:\n  a: {type: object, default: {x: {y: [1]}}}\n",
    "config: elsewhere\n",
    "stackConfigDir: elsewhere\n",
]
STACKS = ["config: {z: 1}\n", "config: {a: 2}\n", "config: {'p:a': [], 'aws:region': eu-west-1}\n"]


def made_up(count: int) -> list[str]:
    """Short texts of the signs that numbers, dates and words of YAML are made of; the same ones each time."""
    choice = random.Random(20_261_127)  # noqa: S311 nothing secret
    return ["".join(choice.choices(_SIGNS, k=choice.randint(1, 9))) for _ in range(count)]


def cases() -> list[tuple[str, str]]:
    """Pulumi.yaml and the stack file."""
    found = [(PROJECT, text) for text in FILES]
    for scalar in [*SCALARS, *made_up(600)]:
        found += [
            (PROJECT, f"config:\n  a: {scalar}\n"),
            (PROJECT, f"config:\n  a:\n    b: {scalar}\n"),
            (PROJECT, f"config:\n  a:\n    - {scalar}\n"),
            (PROJECT, f"config:\n  a:\n    {scalar}: x\n"),
            (PROJECT, f"config:\n  {scalar}: x\n"),
        ]
    return found + [(PROJECT + declared, stack) for declared in PROJECTS for stack in STACKS]


@pytest.fixture(scope="module")
def engine() -> list[dict[str, Any]]:
    """The engine's answer to each case."""
    asked = json.dumps([{"project": project, "stack": stack} for project, stack in cases()])
    command = [str(tools.stack_file())]
    done = subprocess.run(command, input=asked, capture_output=True, text=True, check=True)
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


def ours(folder: Path, project: str, stack: str) -> dict[str, Any]:
    """What the engine hands a program over: text, and lists and mappings as JSON."""
    (folder / "Pulumi.yaml").write_bytes(project.encode())
    file = folder / "Pulumi.test.yaml"
    file.write_bytes(stack.encode())
    read = read_stack(file, read_project(folder))
    return {
        key: value if isinstance(value, dict | list) else _text(value) for key, value in read.config.items()
    }


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def as_handed_over(answer: dict[str, Any]) -> dict[str, Any]:
    return {
        key: json.loads(value["text"])
        if value["object"]
        else {"secure": value["text"]}
        if value["secure"]
        else value["text"]
        for key, value in answer.get("config", {}).items()
    }


def _secret_or_text(value: dict[str, Any]) -> Any:
    return {"secure": value["text"]} if value["secure"] else value["text"]


def without_secrets(value: Any) -> Any:
    """The engine decrypts; where a secret stands is compared, what it holds is not."""
    if isinstance(value, dict):
        return "secret" if set(value) == {"secure"} else {k: without_secrets(v) for k, v in value.items()}
    return [without_secrets(each) for each in value] if isinstance(value, list) else value


def test_what_is_read_is_what_the_engine_reads(tmp_path: Path, engine: list[dict[str, Any]]) -> None:
    taken, wrong = 0, []
    for (project, stack), answer in zip(cases(), engine, strict=True):
        try:
            read = ours(tmp_path, project, stack)
        except ConfigError:
            continue
        taken += 1
        if "error" in answer or without_secrets(read) != without_secrets(as_handed_over(answer)):
            wrong.append({"stack": stack, "ours": read, "the engine's": answer})
    assert wrong == []
    assert taken > len(cases()) / 3


def test_plain_text_and_ordinary_values_are_not_refused(tmp_path: Path) -> None:
    for plain in (
        "NO",
        "on",
        "12:30:45",
        "us-east-1",
        "arn:aws:iam::111111111111:user/a",
        "30m",
        "v1",
        "1.2.3.4",
    ):
        assert ours(tmp_path, PROJECT, f"config:\n  a: {plain}\n  b: {{{plain!r}: x}}\n")["p:a"] == plain
    assert ours(tmp_path, PROJECT, "config: {a: 12, b: true, c: 1.5}\n") == {
        "p:a": "12",
        "p:b": "true",
        "p:c": "1.5",
    }
