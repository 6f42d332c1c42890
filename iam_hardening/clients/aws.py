"""Credentials, and the AWS clients that use them, against AWS or against an emulated one."""

import os
import re
from dataclasses import dataclass, field
from typing import Any

import boto3
import botocore.loaders
import botocore.session
from botocore.config import Config

# A refusal is an answer: retries would only hide how often it was asked.
_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=5, read_timeout=20)

# Reads the description of each service once for all clients, which takes longer than most calls.
DESCRIPTIONS = botocore.loaders.create_loader(os.environ.get("AWS_DATA_PATH"))


def new_session() -> Any:
    """A session of boto3 with the settings of the environment. Any: the types know each service by its
    literal name only."""
    core = botocore.session.Session()
    core.register_component("data_loader", DESCRIPTIONS)
    # STS's global endpoint, which is still the default in places, does not answer AssumeRoot.
    core.set_config_variable("sts_regional_endpoints", "regional")
    session = boto3.session.Session(botocore_session=core)
    # Each session of boto3 appends its own folder.
    DESCRIPTIONS.search_paths[:] = dict.fromkeys(DESCRIPTIONS.search_paths)
    return session


_SHARED = new_session()


@dataclass(frozen=True, kw_only=True)
class Credentials:
    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)

    def arguments(self) -> dict[str, str | None]:
        """For `client` of a session of boto3."""
        return {
            "aws_access_key_id": self.access_key_id,
            "aws_secret_access_key": self.secret_access_key,
            "aws_session_token": self.session_token,
        }

    @classmethod
    def of(cls, answer: dict[str, Any]) -> "Credentials":
        """From the `Credentials` or `AccessKey` part of an STS or IAM answer."""
        return cls(
            access_key_id=answer["AccessKeyId"],
            secret_access_key=answer["SecretAccessKey"],
            session_token=answer.get("SessionToken"),
        )


def reach_at_endpoint(client: Any) -> None:
    """S3's control service is asked at `ACCOUNT.host`, which leads nowhere with an endpoint of one's own."""

    def without_account(params: dict[str, Any], **_: Any) -> None:
        params["url"] = re.sub(r"^(https?://)[0-9]{12}\.", r"\1", params["url"])

    client.meta.events.register("before-call.s3-control", without_account)


class Session:
    """One caller. `endpoint_url` None means AWS itself."""

    def __init__(self, credentials: Credentials, *, region: str, endpoint_url: str | None) -> None:
        self.credentials = credentials
        self.region = region
        self.endpoint_url = endpoint_url
        self._clients: dict[str, Any] = {}
        self._of_region = {region: self}

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = _SHARED.client(
                service,
                region_name=self.region,
                endpoint_url=self.endpoint_url,
                config=_CONFIG,
                **self.credentials.arguments(),
            )
            if self.endpoint_url:
                reach_at_endpoint(self._clients[service])
        return self._clients[service]

    def in_region(self, region: str) -> "Session":
        """The same caller in another region; the same session for the same region, with the clients it
        has."""
        if region not in self._of_region:
            other = Session(self.credentials, region=region, endpoint_url=self.endpoint_url)
            other._of_region = self._of_region
            self._of_region[region] = other
        return self._of_region[region]

    def with_credentials(self, credentials: Credentials) -> "Session":
        """The same account and region, with other credentials."""
        return Session(credentials, region=self.region, endpoint_url=self.endpoint_url)

    def account_id(self) -> str:
        return str(self.client("sts").get_caller_identity()["Account"])
