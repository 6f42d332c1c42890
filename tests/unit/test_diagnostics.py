"""What a person reads of an operation that the engine ended."""

from rehearsal.stacks import diagnostics

TOLD = """
Updating (dev):

Diagnostics:
  pulumi:pulumi:Stack (iam-hardening-dev):
    error: python inline source runtime error: {what}
    Traceback (most recent call last):
      File "server.py", line 95, in run
        loop.run_until_complete(program)
    ValueError: {what}

Resources:
    31 unchanged
"""


def test_a_look_up_that_found_nothing_is_reported_without_a_trace() -> None:
    what = "invoke of aws:iam/getPolicy:getPolicy failed: 0 IAM policies are named 'Nonesuch'"
    assert diagnostics(TOLD.format(what=what)).splitlines() == [
        "  pulumi:pulumi:Stack (iam-hardening-dev):",
        f"    error: python inline source runtime error: {what}",
    ]


def test_a_mistake_of_the_program_keeps_its_trace() -> None:
    reported = diagnostics(TOLD.format(what="a mistake of ours"))
    assert 'File "server.py", line 95' in reported
    assert "unchanged" not in reported
