"""AWS data sources (Pulumi functions)."""

import re
from typing import Any

from rehearsal.providers.rows import FakeProviderError, Function
from rehearsal.providers.shapes import document, property_case
from rehearsal.providers.values import Properties


def _get_caller_identity(api: Any, arguments: Properties) -> Properties:
    identity = api.call("sts.get_caller_identity", {})
    account = identity["Account"]
    return {"id": account, "accountId": account, "arn": identity["Arn"], "userId": identity["UserId"]}


def _get_policy(api: Any, arguments: Properties) -> Properties:
    arn = arguments.get("arn") or _policy_arn_of_name(api, arguments)
    policy = api.call("iam.get_policy", {"PolicyArn": arn})["Policy"]
    version = api.call("iam.get_policy_version", {"PolicyArn": arn, "VersionId": policy["DefaultVersionId"]})
    return {
        "id": arn,
        "arn": arn,
        "name": policy["PolicyName"],
        "path": policy["Path"],
        "policyId": policy["PolicyId"],
        "description": policy.get("Description", ""),
        "attachmentCount": policy.get("AttachmentCount", 0),
        "policy": document(version["PolicyVersion"]["Document"], {}, api),
        "tags": {tag["Key"]: tag["Value"] for tag in policy.get("Tags", [])},
    }


def _policy_arn_of_name(api: Any, arguments: Properties) -> str:
    prefix = arguments.get("pathPrefix") or "/"
    # Of the same action, so a caller who may not list policies is refused as in the real provider.
    policies = api.call("iam.list_policies", {"Scope": "Local", "PathPrefix": prefix})["Policies"]
    policies += [policy for policy in api.policies_of_aws() if policy["Path"].startswith(prefix)]
    arns = [policy["Arn"] for policy in policies if policy["PolicyName"] == arguments.get("name")]
    if len(arns) != 1:
        raise FakeProviderError(f"getPolicy: {len(arns)} IAM policies are named {arguments.get('name')!r}")
    return str(arns[0])


def _get_ami(api: Any, arguments: Properties) -> Properties:
    query: dict[str, Any] = {"Filters": _filters(arguments)}
    if arguments.get("owners"):
        query["Owners"] = arguments["owners"]
    images = api.call("ec2.describe_images", query)["Images"]
    if arguments.get("nameRegex"):
        images = [image for image in images if re.search(arguments["nameRegex"], image.get("Name", ""))]
    if not images:
        raise FakeProviderError(
            "getAmi: your query returned no results. Please change your search criteria and try again."
        )
    if len(images) > 1 and not arguments.get("mostRecent"):
        raise FakeProviderError(
            "getAmi: your query returned more than one result. Please try a more specific search criteria, "
            "or set `most_recent` attribute to true."
        )
    image = max(images, key=lambda image: str(image.get("CreationDate", "")))
    shown = property_case(
        {name: value for name, value in image.items() if isinstance(value, (str, bool, int))}
    )
    return {
        **shown,
        "id": image["ImageId"],
        "arn": f"arn:{api.partition}:ec2:{api.region}::image/{image['ImageId']}",
        "tags": {tag["Key"]: tag["Value"] for tag in image.get("Tags", [])},
    }


def _get_subnets(api: Any, arguments: Properties) -> Properties:
    """None that match is an answer, not an error."""
    filters = _filters(arguments)
    filters += [
        {"Name": f"tag:{key}", "Values": [value]} for key, value in (arguments.get("tags") or {}).items()
    ]
    subnets = api.call("ec2.describe_subnets", {"Filters": filters} if filters else {})["Subnets"]
    return {"id": api.region, "region": api.region, "ids": [subnet["SubnetId"] for subnet in subnets]}


def _filters(arguments: Properties) -> list[dict[str, Any]]:
    return [{"Name": each["name"], "Values": each["values"]} for each in arguments.get("filters") or []]


AWS_FUNCTIONS = (
    Function("aws:index/getCallerIdentity:getCallerIdentity", frozenset(), _get_caller_identity),
    Function("aws:iam/getPolicy:getPolicy", frozenset({"arn", "name", "pathPrefix"}), _get_policy),
    Function("aws:ec2/getAmi:getAmi", frozenset({"owners", "filters", "mostRecent", "nameRegex"}), _get_ami),
    Function("aws:ec2/getSubnets:getSubnets", frozenset({"filters", "tags"}), _get_subnets),
)
