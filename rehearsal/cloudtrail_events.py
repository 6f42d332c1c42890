"""What CloudTrail sends EventBridge when something happens: the parts of it that alarms look at.

Shapes: CloudTrail User Guide, "CloudTrail record contents", "AWS Management Console sign-in events" and
"CloudTrail userIdentity element"; the wrapping: EventBridge, "Events from AWS services via AWS CloudTrail".
"""

import json
from typing import Any

from iam_hardening.aws.naming import account_of

_API_CALL = "AWS API Call via CloudTrail"
_SIGN_IN = "AWS Console Sign In via CloudTrail"
_SERVICE_EVENT = "AWS Service Event via CloudTrail"

Identity = dict[str, Any]


def root(account_id: str) -> Identity:
    return {"type": "Root", "principalId": account_id, "arn": f"arn:aws:iam::{account_id}:root"}


def user(arn: str) -> Identity:
    return {"type": "IAMUser", "arn": arn, "userName": arn.rsplit("/", 1)[-1]}


def session_of(role_arn: str, session_name: str = "session") -> Identity:
    account_id, name = account_of(role_arn), role_arn.rsplit("/", 1)[-1]
    return {
        "type": "AssumedRole",
        "arn": f"arn:aws:sts::{account_id}:assumed-role/{name}/{session_name}",
        "sessionContext": {"sessionIssuer": {"type": "Role", "arn": role_arn, "userName": name}},
    }


def call(identity: Identity, service: str, name: str, *, read_only: bool = False, **parameters: Any) -> str:
    """An API call, by command line, program or console."""
    return _event(
        _API_CALL,
        f"aws.{service}",
        eventType="AwsApiCall",
        eventSource=f"{service}.amazonaws.com",
        eventName=name,
        readOnly=read_only,
        userIdentity=identity,
        requestParameters=parameters or None,
    )


def call_by_service_for(identity: Identity, service: str) -> str:
    """What a service of AWS does in someone's name."""
    return call({**identity, "invokedBy": f"{service}.amazonaws.com"}, "ec2", "CreateSnapshot")


def call_in_the_console(identity: Identity, service: str, name: str) -> str:
    """An API call that the console makes for its user, reported as invoked by the sign-in service."""
    return call({**identity, "invokedBy": "signin.amazonaws.com"}, service, name)


def sign_in(identity: Identity, *, mfa: bool, succeeded: bool = True) -> str:
    """The console's sign-in page."""
    return _event(
        _SIGN_IN,
        "aws.signin",
        eventType="AwsConsoleSignIn",
        eventSource="signin.amazonaws.com",
        eventName="ConsoleLogin",
        readOnly=False,
        userIdentity=identity,
        responseElements={"ConsoleLogin": "Success" if succeeded else "Failure"},
        additionalEventData={"MFAUsed": "Yes" if mfa else "No", "MobileVersion": "No"},
    )


def command_line_login(identity: Identity, *, as_service_event: bool = False) -> str:
    """`aws login`: credentials for the command line from a console session, without an access key.

    AWS documents the event's name and source, not its type.
    """
    return _event(
        _SERVICE_EVENT if as_service_event else _API_CALL,
        "aws.signin",
        eventType="AwsServiceEvent" if as_service_event else "AwsApiCall",
        eventSource="signin.amazonaws.com",
        eventName="CreateOAuth2Token",
        readOnly=False,
        userIdentity=identity,
    )


def service_event(identity: Identity) -> str:
    """Something that AWS did, reported under someone's name."""
    return _event(
        _SERVICE_EVENT, "aws.kms", eventType="AwsServiceEvent", eventName="RotateKey", userIdentity=identity
    )


def _event(detail_type: str, source: str, **detail: Any) -> str:
    return json.dumps(
        {
            "version": "0",
            "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
            "detail-type": detail_type,
            "source": source,
            "account": "111122223333",
            "time": "2026-11-24T12:00:00Z",
            "region": "us-east-1",
            "resources": [],
            "detail": {"eventVersion": "1.11", "sourceIPAddress": "192.0.2.1", **detail},
        }
    )
