"""Pulumi's settings of the AWS and Vault providers, which a stack file has in addition to the program's
sections.

Two kinds. Some decide what an account gets or must be: they count in a rehearsal as on AWS (`MEANT`). All
others say how to reach the real account or the real Vault; a rehearsal takes them aside, since it has its
own.

Source: pulumi_aws.config and pulumi_vault.config, which tests/unit/test_provider_settings.py compares.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from iam_hardening.config.errors import Problem, nearest

MEANT = {
    "aws": frozenset({"region", "allowedAccountIds", "forbiddenAccountIds", "defaultTags", "ignoreTags"}),
    "vault": frozenset[str](),
}
REACH = {
    "aws": frozenset(
        {
            "accessKey",
            "assumeRoleWithWebIdentity",
            "assumeRoles",
            "customCaBundle",
            "ec2MetadataServiceEndpoint",
            "ec2MetadataServiceEndpointMode",
            "endpoints",
            "httpProxy",
            "httpsProxy",
            "insecure",
            "maxRetries",
            "noProxy",
            "profile",
            "retryMode",
            "s3UsEast1RegionalEndpoint",
            "s3UsePathStyle",
            "secretKey",
            "sharedConfigFiles",
            "sharedCredentialsFiles",
            "skipCredentialsValidation",
            "skipMetadataApiCheck",
            "skipRegionValidation",
            "skipRequestingAccountId",
            "stsRegion",
            "tagPolicyCompliance",
            "token",
            "tokenBucketRateLimiterCapacity",
            "useDualstackEndpoint",
            "useFipsEndpoint",
            "userAgents",
        }
    ),
    "vault": frozenset(
        {
            "addAddressToEnv",
            "address",
            "authLogin",
            "authLoginAws",
            "authLoginAzure",
            "authLoginCert",
            "authLoginGcp",
            "authLoginJwt",
            "authLoginKerberos",
            "authLoginOci",
            "authLoginOidc",
            "authLoginRadius",
            "authLoginTokenFile",
            "authLoginUserpass",
            "caCertDir",
            "caCertFile",
            "clientAuth",
            "headers",
            "maxLeaseTtlSeconds",
            "maxRetries",
            "maxRetriesCcc",
            "namespace",
            "setNamespaceFromToken",
            "skipChildToken",
            "skipGetVaultVersion",
            "skipTlsVerify",
            "tlsServerName",
            "token",
            "tokenName",
            "vaultVersionOverride",
        }
    ),
}


def is_set_aside(key: str) -> bool:
    """Whether a rehearsal goes without a key of a stack file. Keys that no provider knows stay, to be
    refused."""
    namespace, _, name = key.partition(":")
    return name in REACH.get(namespace, ())


def unknown(config: Mapping[str, Any]) -> Iterator[Problem]:
    """The settings of `aws:` and `vault:` that the providers do not have: both refuse to start with them."""
    for key in config:
        namespace, _, name = key.partition(":")
        if namespace in REACH and name not in (known := MEANT[namespace] | REACH[namespace]):
            provider = {"aws": "AWS", "vault": "Vault"}[namespace]
            yield Problem(
                key, f"is not a setting of Pulumi's {provider} provider; {nearest(name, sorted(known))}"
            )
