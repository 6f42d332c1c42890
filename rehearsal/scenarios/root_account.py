"""Tutorial section 1: no root user has an access key, and the organisation manages its members' roots."""

from iam_hardening.claims.claim import Claim
from rehearsal.recorder import Recorder
from rehearsal.testbed import Account, Testbed

NO_KEY = "no access key"


CENTRAL = "RootCredentialsManagement, RootSessions"


def play(recorder: Recorder, testbed: Testbed) -> None:
    with recorder.scenario("Root user's access keys"):
        for account in testbed.accounts.values():
            judge_root_keys(recorder, account)
    managing = [account for account in testbed.accounts.values() if account.settings.organization_root_access]
    for account in managing:
        with recorder.scenario(f"Central root access from {account.name}"):
            judge_central_root_access(recorder, account)
            recorder.note("iam-hardening root-keys was not played: the emulated AWS has no sts:AssumeRoot.")


def judge_central_root_access(recorder: Recorder, account: Account) -> None:
    features = account.admin.client("iam").list_organizations_features()["EnabledFeatures"]
    recorder.found(
        Claim(
            who="organisation",
            mfa="-",
            call="iam:ListOrganizationsFeatures",
            resource="EnabledFeatures",
            account=account.name,
            claimed=CENTRAL,
            reason="member accounts need no root credentials",
        ),
        ", ".join(sorted(features)) or "none",
    )


def judge_root_keys(recorder: Recorder, account: Account) -> None:
    """From the account summary, which counts active and inactive keys alike."""
    summary = account.admin.client("iam").get_account_summary()["SummaryMap"]
    present = int(summary["AccountAccessKeysPresent"])
    recorder.found(
        Claim(
            who="root user",
            mfa="-",
            call="iam:GetAccountSummary",
            resource="AccountAccessKeysPresent",
            account=account.name,
            claimed=NO_KEY,
            reason="a root key can do everything, and nothing can limit it",
        ),
        NO_KEY if present == 0 else "access key present",
        ""
        if present == 0
        else "Sign in as the root user, open Security credentials, Access keys, and delete it: "
        "docs/root-account.md",
    )
