"""Calls to AWS: one connection for an account and region, on boto3.

Only ever the emulated AWS: a provider's `endpoints` are refused as an unknown setting.
"""

import copy
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from iam_hardening.clients.aws import new_session, reach_at_endpoint
from rehearsal.providers.rows import FakeProviderError, GoneError
from rehearsal.providers.values import Properties

DEFAULT_REGION = "us-east-1"

_GONE_CODES = frozenset(
    {
        "NoSuchEntity",
        "NoSuchBucket",
        "NotFoundException",  # KMS
        "404",  # S3 has no words in the answer to a HEAD
        "InvalidInstanceID.NotFound",
        "InvalidGroup.NotFound",
        "InvalidPermission.NotFound",
        "NoSuchPublicAccessBlockConfiguration",
        "ResourceNotFoundException",
        "InvalidDocument",
    }
)
_CONFIG = Config(max_pool_connections=64, retries={"total_max_attempts": 2, "mode": "standard"})
_SESSION = new_session()


@dataclass(frozen=True)
class AwsCredentials:
    """Credentials of one account. Never printed."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


class AwsConnections:
    """All connections to one emulated AWS. Clients are kept: making one takes tens of milliseconds."""

    def __init__(self, endpoint_url: str, credentials: Mapping[str, AwsCredentials]) -> None:
        self._endpoint_url = endpoint_url
        self._credentials = credentials
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, str, AwsCredentials], Any] = {}
        self.policies_of_aws: list[dict[str, Any]] = []
        self.listing = threading.Lock()

    def connect(self, stack: str, settings: Properties) -> "AwsApi":
        """The connection a provider asks for.

        :raises FakeProviderError: no credentials for the stack, or an account that is not allowed.
        """
        if settings.get("accessKey"):
            credentials = AwsCredentials(
                settings["accessKey"], settings.get("secretKey", ""), settings.get("token")
            )
        elif stack in self._credentials:
            credentials = self._credentials[stack]
        else:
            raise FakeProviderError(f"the rehearsal has no AWS credentials for the stack {stack}")
        api = AwsApi(self, credentials, settings.get("region") or DEFAULT_REGION)
        allowed = [str(account) for account in settings.get("allowedAccountIds") or []]
        forbidden = [str(account) for account in settings.get("forbiddenAccountIds") or []]
        if (allowed and api.account_id not in allowed) or api.account_id in forbidden:
            raise FakeProviderError(f"AWS account ID not allowed: {api.account_id}")
        return api

    def client(self, service: str, region: str, credentials: AwsCredentials) -> Any:
        """The boto3 client of a service."""
        key = (service, region, credentials)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = _SESSION.client(
                    service,
                    aws_access_key_id=credentials.access_key_id,
                    aws_secret_access_key=credentials.secret_access_key,
                    aws_session_token=credentials.session_token,
                    region_name=region,
                    endpoint_url=self._endpoint_url,
                    config=_CONFIG,
                )
                reach_at_endpoint(self._clients[key])
            return self._clients[key]


class AwsApi:
    """One account and region. An operation is `service.operation` in boto3's spelling."""

    def __init__(self, connections: AwsConnections, credentials: AwsCredentials, region: str) -> None:
        self._connections = connections
        self._credentials = credentials
        self.region = region
        identity = self.call("sts.get_caller_identity", {})
        self.account_id: str = identity["Account"]
        self.partition: str = identity["Arn"].split(":")[1]

    def in_region(self, region: str | None) -> "AwsApi":
        """The same account in another region; None is this one."""
        other = copy.copy(self)
        other.region = region or self.region
        return other

    def call(self, operation: str, arguments: Mapping[str, Any], ignore: frozenset[str] = frozenset()) -> Any:
        """The whole answer, all pages of it.

        :raises GoneError: what was asked for does not exist.
        :raises FakeProviderError: AWS refused, in AWS's words.
        """
        service, name = operation.split(".")
        client = self._connections.client(service, self.region, self._credentials)
        try:
            if client.can_paginate(name):
                return client.get_paginator(name).paginate(**arguments).build_full_result()
            return getattr(client, name)(**arguments)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in ignore:
                return {}
            raise (GoneError if code in _GONE_CODES else FakeProviderError)(str(error)) from error
        except BotoCoreError as error:
            raise FakeProviderError(str(error)) from error

    def policies_of_aws(self) -> list[dict[str, Any]]:
        """AWS's managed policies, listed once: there are over a thousand, the same for each account."""
        with self._connections.listing:
            if not self._connections.policies_of_aws:
                answer = self.call("iam.list_policies", {"Scope": "AWS"})
                self._connections.policies_of_aws = answer["Policies"]
        return self._connections.policies_of_aws

    def wait(self, waiter: str, arguments: Mapping[str, Any]) -> None:
        """Wait with a boto3 waiter, at most a minute."""
        service, name = waiter.split(".")
        client = self._connections.client(service, self.region, self._credentials)
        try:
            client.get_waiter(name).wait(**arguments, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
        except BotoCoreError as error:
            raise FakeProviderError(str(error)) from error
