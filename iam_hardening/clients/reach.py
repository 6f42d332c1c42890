"""AWS clients that reach an account as `pulumi up` does: by the `aws:` settings of its stack file.

Obeyed: profile, sharedConfigFiles, sharedCredentialsFiles, accessKey, secretKey, token,
assumeRoleWithWebIdentity, assumeRoles, endpoints, customCaBundle, insecure, httpProxy, httpsProxy,
maxRetries, retryMode, useFipsEndpoint, useDualstackEndpoint and stsRegion. With a proxy, noProxy is not;
the others of `provider_settings.REACH` tune the provider alone. Without any of them, clients are those that
the AWS CLI would use.

Source: terraform-provider-aws, "Authentication and Configuration"; aws-sdk-go-base, awsconfig.
"""

import functools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ConfigParseError, ProfileNotFound
from pydantic import TypeAdapter, ValidationError

from iam_hardening.clients import operator
from iam_hardening.clients.aws import Credentials, new_session
from iam_hardening.config import Settings
from iam_hardening.config.errors import key_text
from iam_hardening.config.parsing import encrypted
from iam_hardening.config.values import AssumedRoleSeconds

_SECONDS = TypeAdapter(AssumedRoleSeconds)
_SESSION_NAME = "iam-hardening"
_SECRET = "is encrypted, and only Pulumi has the stack's key: export the credentials in this shell instead"
# Terraform's names of services that boto3 calls otherwise.
_SERVICES = {"accessanalyzer": "access-analyzer", "s3control": "s3control", "eventbridge": "events"}
# A sandbox has its own AWS and Vault, and a shell for them: what the stack file says of the real ones would
# lead away from it.
SANDBOX = "IAM_HARDENING_SANDBOX"


def clients_of(account: Settings) -> operator.MakeClient:
    """What makes clients for a stack's account. Raises CannotError when a client is made and a setting cannot
    be followed."""
    settings = settings_of(account, "aws")
    if not settings:
        return operator.client
    return _Reach(account, settings).client


def settings_of(account: Settings, package: str) -> dict[str, Any]:
    """`{"profile": "acme-dev"}`: what the stack file says about reaching `aws` or `vault`. Nothing in a
    sandbox's shell."""
    if os.environ.get(SANDBOX):
        return {}
    prefix = f"{package}:"
    return {key.removeprefix(prefix): value for key, value in account.reach.items() if key.startswith(prefix)}


class _Reach:
    def __init__(self, account: Settings, settings: Mapping[str, Any]) -> None:
        self._account = account
        self._file = f"Pulumi.{account.stack}.yaml"
        self._settings = settings

    def client(
        self,
        service: str,
        region: str,
        credentials: Credentials | None = None,
        *,
        config: Config | None = None,
    ) -> Any:
        if found := next(encrypted(self._settings), None):
            raise operator.CannotError(f"{self._file}, {key_text('aws', found)}: {_SECRET}.")
        try:
            return self._make(service, region, credentials or self._credentials, config)
        except (ValueError, BotoCoreError, AttributeError, TypeError) as error:
            raise operator.CannotError(
                f"{self._file}: the settings "
                f"{', '.join(f'aws:{key}' for key in sorted(self._settings))} cannot be "
                f"followed: {error}"
            ) from None

    @functools.cached_property
    def _credentials(self) -> Credentials | None:
        """Those of the last role in the chain; None for those that the session finds alone."""
        current = self._static()
        if (web := self._settings.get("assumeRoleWithWebIdentity")) is not None:
            current = self._assumed_with_token(self._mapping("assumeRoleWithWebIdentity", web))
        for index, role in enumerate(self._list("assumeRoles")):
            current = self._assumed(
                f"assumeRoles[{index}]", self._mapping(f"assumeRoles[{index}]", role), current
            )
        return current

    def _static(self) -> Credentials | None:
        if not {"accessKey", "secretKey", "token"} & set(self._settings):
            return None
        return Credentials(
            access_key_id=self._text("accessKey"),
            secret_access_key=self._text("secretKey"),
            session_token=self._text("token") if "token" in self._settings else None,
        )

    def _assumed(self, key: str, role: Mapping[str, Any], current: Credentials | None) -> Credentials:
        wanted = {
            **self._session_arguments(key, role),
            "ExternalId": role.get("externalId"),
            "SourceIdentity": role.get("sourceIdentity"),
            "Tags": [
                {"Key": k, "Value": v}
                for k, v in self._mapping(f"{key}.tags", role.get("tags") or {}).items()
            ]
            or None,
            "TransitiveTagKeys": role.get("transitiveTagKeys"),
        }
        sts = self._make("sts", self._sts_region, current, None)
        return self._ask_sts(key, sts.assume_role, wanted)

    def _assumed_with_token(self, web: Mapping[str, Any]) -> Credentials:
        key = "assumeRoleWithWebIdentity"
        token = web.get("webIdentityToken")
        if file := web.get("webIdentityTokenFile"):
            try:
                token = Path(str(file)).expanduser().read_text().strip()
            except (OSError, UnicodeDecodeError) as error:
                why = getattr(error, "strerror", None) or "is no text"
                raise self._cannot(f"{key}.webIdentityTokenFile", f"is {file}: {why}") from None
        if not isinstance(token, str):
            raise self._cannot(key, "has no webIdentityTokenFile, and no webIdentityToken in plain text")
        wanted = {**self._session_arguments(key, web), "WebIdentityToken": token}
        sts = self._make("sts", self._sts_region, None, None)
        return self._ask_sts(key, sts.assume_role_with_web_identity, wanted)

    def _session_arguments(self, key: str, role: Mapping[str, Any]) -> dict[str, Any]:
        if not role.get("roleArn"):
            raise self._cannot(key, "has no roleArn")
        seconds = None
        if duration := role.get("duration"):
            try:
                seconds = _SECONDS.validate_python(duration)
            except ValidationError as error:
                raise self._cannot(f"{key}.duration", error.errors()[0]["msg"]) from None
        return {
            "RoleArn": role["roleArn"],
            "RoleSessionName": role.get("sessionName") or _SESSION_NAME,
            "DurationSeconds": seconds,
            "Policy": role.get("policy"),
            "PolicyArns": [{"arn": arn} for arn in role.get("policyArns") or ()] or None,
        }

    def _ask_sts(self, key: str, call: Any, wanted: Mapping[str, Any]) -> Credentials:
        given = {name: value for name, value in wanted.items() if value is not None}
        answer = operator.call(f"Assuming {given['RoleArn']} ({self._file}, aws:{key})", call, **given)
        return Credentials.of(answer["Credentials"])

    def _make(self, service: str, region: str, credentials: Credentials | None, config: Config | None) -> Any:
        keys = credentials.arguments() if credentials else {}
        return self._session.client(
            service,
            region_name=region,
            endpoint_url=self._endpoint(service),
            verify=self._verify,
            config=self._config.merge(config) if config else self._config,
            **keys,
        )

    @functools.cached_property
    def _session(self) -> Any:
        session = new_session()
        core: Any = session._session
        for key, variable in (
            ("sharedConfigFiles", "config_file"),
            ("sharedCredentialsFiles", "credentials_file"),
        ):
            if files := self._list(key):
                if len(files) > 1:
                    raise self._cannot(key, f"names {len(files)} files; this command reads one")
                core.set_config_variable(variable, str(Path(str(files[0])).expanduser()))
        if self._settings.get("profile"):
            core.set_config_variable("profile", self._text("profile"))
        try:
            core.get_scoped_config()
        except (ProfileNotFound, ConfigParseError) as error:
            key = "profile" if isinstance(error, ProfileNotFound) else "sharedConfigFiles"
            raise self._cannot(key, f"cannot be used here: {error}") from None
        return session

    @property
    def _sts_region(self) -> str:
        return str(self._settings.get("stsRegion") or self._account.region)

    def _endpoint(self, service: str) -> str | None:
        for entry in self._list("endpoints"):
            for name, url in self._mapping("endpoints", entry).items():
                if _SERVICES.get(name, name) == service:
                    return str(url)
        return None

    @property
    def _verify(self) -> bool | str | None:
        if _is_true(self._settings.get("insecure")):
            return False
        bundle = self._settings.get("customCaBundle")
        return str(bundle) if bundle else None

    @functools.cached_property
    def _config(self) -> Config:
        found: dict[str, Any] = {}
        proxies = {"http": self._settings.get("httpProxy"), "https": self._settings.get("httpsProxy")}
        if any(proxies.values()):
            found["proxies"] = {kind: url for kind, url in proxies.items() if url}
        retries = {
            "max_attempts": self._settings.get("maxRetries"),
            "mode": self._settings.get("retryMode"),
        }
        if any(retries.values()):
            found["retries"] = {
                name: int(value) if name == "max_attempts" else value
                for name, value in retries.items()
                if value
            }
        for key, name in (
            ("useFipsEndpoint", "use_fips_endpoint"),
            ("useDualstackEndpoint", "use_dualstack_endpoint"),
        ):
            if _is_true(self._settings.get(key)):
                found[name] = True
        return Config(**found)

    def _text(self, key: str) -> str:
        value = self._settings.get(key)
        if not value:
            raise self._cannot(key, "is missing; accessKey and secretKey go together")
        return str(value)

    def _list(self, key: str) -> list[Any]:
        value = self._settings.get(key) or []
        return list(value) if isinstance(value, list) else [value]

    def _mapping(self, key: str, value: Any) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            raise self._cannot(
                key, "is not a mapping; docs/configuration.md says where its keys are described"
            )
        return value

    def _cannot(self, key: str, sentence: str) -> operator.CannotError:
        return operator.CannotError(f"{self._file}, aws:{key}: {sentence}.")


def _is_true(value: Any) -> bool:
    return value is True or value == "true"
