"""What sets each alarm off: whole patterns. Whether they match, EventBridge says in the rehearsal."""

from iam_hardening.aws import event_patterns

VAULT = "arn:aws:iam::222222222222:user/vault-secrets-engine"
DEPLOYER = "arn:aws:iam::222222222222:role/deployer"


def test_the_root_user_is_seen_whatever_the_kind_of_event() -> None:
    assert event_patterns.root_activity() == {
        "detail": {
            "userIdentity": {"type": ["Root"], "invokedBy": [{"exists": False}, "signin.amazonaws.com"]},
            "$or": [
                {"eventType": [{"anything-but": "AwsServiceEvent"}]},
                {"eventSource": ["signin.amazonaws.com"]},
            ],
        }
    }


def test_a_change_of_iam_is_by_neither_the_expected_users_nor_the_expected_roles() -> None:
    assert event_patterns.iam_changes([DEPLOYER, VAULT]) == {
        "source": ["aws.iam"],
        "detail": {
            "readOnly": [False],
            "userIdentity": {
                "arn": [{"anything-but": [VAULT]}],
                "sessionContext": {
                    "sessionIssuer": {"arn": [{"anything-but": [DEPLOYER]}, {"exists": False}]}
                },
            },
        },
    }


def test_where_nobody_is_expected_everybody_sets_it_off() -> None:
    detail = event_patterns.iam_changes([])["detail"]
    assert detail["userIdentity"] == {"arn": [{"exists": True}]}


def test_vaults_own_principal_is_watched_whatever_its_name() -> None:
    pattern = event_patterns.vault_users_touched("arn:aws:iam::222222222222:user/secrets")
    by_name, by_path = pattern["detail"]["$or"]
    assert by_name == {"requestParameters": {"userName": [{"prefix": "vault-"}, "secrets"]}}
    assert by_path == {"requestParameters": {"path": [{"prefix": "/vault/"}]}}
    assert pattern["detail"]["userIdentity"]["arn"] == [
        {"anything-but": ["arn:aws:iam::222222222222:user/secrets"]}
    ]


def test_a_change_of_a_key_is_seen_by_whomever_it_is_made() -> None:
    assert event_patterns.key_changes() == {
        "source": ["aws.kms"],
        "detail": {"eventName": ["DisableKey", "PutKeyPolicy", "ScheduleKeyDeletion"]},
    }
