"""IAM documents for the engine tests."""

import json


def allow(*actions: str) -> str:
    """A policy that allows actions on everything."""
    statement = {"Sid": "Allow", "Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trust(account_id: str) -> str:
    """A trust policy for one account."""
    principal = {"AWS": f"arn:aws:iam::{account_id}:root"}
    statement = {"Sid": "Trust", "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def spaced(document: str) -> str:
    """The same document, written otherwise."""
    return json.dumps(json.loads(document), indent=2, sort_keys=True)
