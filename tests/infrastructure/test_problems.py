"""What a user reads when something cannot be fetched or built."""

import pytest

from rehearsal.problems import failure


@pytest.mark.parametrize(
    ("output", "advice"),
    [
        ("write /x/pulumi: no space left on device", "the disk is full"),
        ("dial tcp: lookup registry.invalid: no such host", "no way to the package registry"),
        ("error: dns error: failed to lookup address information", "no way to the package registry"),
        ("example.com/m@v1.0.0: reading registry.invalid/m.zip: 403 Forbidden", "does not offer a version"),
        ("verifying example.com/m@v1.0.0: checksum mismatch", "does not match its recorded checksum"),
    ],
)
def test_a_failure_with_a_known_cause_says_what_to_do(output: str, advice: str) -> None:
    text = str(failure("building the tool", ["x", output]))

    assert text.startswith("building the tool failed: ")
    assert advice in text.splitlines()[0]
    assert output in text


def test_a_failure_of_unknown_cause_shows_its_output_and_guesses_nothing() -> None:
    text = str(failure("building the tool", ["undefined: strings.Cut"]))

    assert text.splitlines() == [
        "building the tool failed: the last lines of its output say why.",
        "    undefined: strings.Cut",
    ]


def test_a_cause_named_long_before_the_end_is_not_taken_for_the_reason() -> None:
    output = ["no space left on device", *(f"line {number}" for number in range(50))]

    assert "disk" not in str(failure("building the tool", output))
