"""Stack files that lead to different programs: the shipped ones, the hardened example, and turns of both."""

import copy
from collections.abc import Mapping
from typing import Any, NamedTuple

import yaml

from tests.stack_files import ROOT, config_of


class Variant(NamedTuple):
    stack: str
    config: Mapping[str, Any]


def _hardened(stack: str, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The hardened example's configuration, with keys of the project's own namespace replaced."""
    text = (ROOT / "examples" / "hardened" / f"Pulumi.{stack}.yaml").read_text()
    config: dict[str, Any] = copy.deepcopy(yaml.safe_load(text)["config"])
    return config | {f"iam-hardening:{key}": value for key, value in (changes or {}).items()}


def variants() -> dict[str, Variant]:
    shipped_central, dev = config_of("central"), _hardened("dev")
    vault, instance = dev["iam-hardening:vault"], dev["iam-hardening:instance"]
    users = _hardened("central")["iam-hardening:users"]
    return {
        "central": Variant("central", shipped_central),
        "dev": Variant("dev", config_of("dev")),
        "hardened central": Variant("central", _hardened("central")),
        "hardened dev": Variant("dev", dev),
        "Vault on its server's role": Variant(
            "dev", _hardened("dev", {"vault": vault | {"runsOnRole": "vault-server"}})
        ),
        "unprotected": Variant(
            "dev",
            _hardened(
                "dev",
                {
                    "protect": False,
                    "instance": instance
                    | {
                        "subnetId": "subnet-0123456789abcdef0",
                        "securityGroupIds": ["sg-0123456789abcdef0"],
                    },
                },
            ),
        ),
        "PGP": Variant(
            "central",
            _hardened(
                "central",
                {
                    "users": users | {"Auditor": users["Auditor"] | {"pgpKey": "keybase:someone"}},
                    "passwordPolicy": {"preset": "tutorial", "minimumPasswordLength": 20},
                    "onboarding": "open",
                },
            ),
        ),
        "bare": Variant(
            "central",
            {
                **shipped_central,
                "iam-hardening:accountDefaults": {"ebsEncryption": False, "accessAnalyzer": False},
            },
        ),
    }
