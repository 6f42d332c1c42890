"""Central management of member accounts' root users: whether it is on.

Gap: MiniStack has no EnableOrganizationsRootCredentialsManagement, EnableOrganizationsRootSessions, their
opposites, or ListOrganizationsFeatures.

AWS ("EnableOrganizationsRootCredentialsManagement" and its neighbours): the organisation's management account
switches each feature on and off; trusted access for `iam.amazonaws.com` has to be enabled before. Here every
account is the management account of its own organisation, as in MiniStack, and trusted access is not
asked for. What the features are for, `sts:AssumeRoot`, is not emulated.
"""

import json

from rehearsal.emulator.upstream import (
    Handler,
    Parameters,
    Response,
    account_id,
    iam_answer,
    iam_handlers,
    organizations,
)

_FEATURES = ("RootCredentialsManagement", "RootSessions")
_enabled: dict[str, set[str]] = {}


def _answer(action: str) -> Response:
    _, _, body = organizations._describe_organization({})
    organization = json.loads(body)["Organization"]["Id"]
    members = "".join(f"<member>{name}</member>" for name in sorted(_enabled.get(account_id(), ())))
    return iam_answer(
        action,
        f"<OrganizationId>{organization}</OrganizationId><EnabledFeatures>{members}</EnabledFeatures>",
    )


def _switch(action: str, feature: str, on: bool) -> Handler:
    def handle(parameters: Parameters) -> Response:
        features = _enabled.setdefault(account_id(), set())
        (features.add if on else features.discard)(feature)
        return _answer(action)

    return handle


def apply() -> None:
    iam_handlers["ListOrganizationsFeatures"] = lambda parameters: _answer("ListOrganizationsFeatures")
    for feature in _FEATURES:
        for verb, on in (("Enable", True), ("Disable", False)):
            action = f"{verb}Organizations{feature}"
            iam_handlers[action] = _switch(action, feature, on)
