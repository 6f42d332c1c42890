"""What a call is authorised on, where MiniStack would name something else: for every service alike."""

from collections.abc import Callable
from typing import Any, NamedTuple

from rehearsal.emulator import request
from rehearsal.emulator.upstream import Parameters, actions


class Call(NamedTuple):
    """A request as MiniStack hands it over, before it is authorised."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    parameters: Parameters

    @property
    def operation(self) -> str:
        """Of the JSON protocol: `PutParameter`."""
        return self.headers.get("x-amz-target", "").rsplit(".", 1)[-1]

    @property
    def content(self) -> dict[str, Any]:
        """Of the JSON protocol; nothing where the body is no JSON object."""
        return request.content_of(self.body)


def name(service: str, find: Callable[[Call], list[str]]) -> None:
    """Lets `find` say on which ARNs a service's calls are authorised. Where it names none, what was there
    before counts."""
    named = actions.extract_resource_arn

    def extract_resource_arn(
        called: str,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        parameters: Parameters,
        *rest: Any,
    ) -> str:
        found = find(Call(method, path, headers, body, parameters)) if called == service else []
        if not found:
            return str(named(called, method, path, headers, body, parameters, *rest))
        if len(found) > 1:
            request.current().further_resources = found[1:]
        return found[0]

    actions.extract_resource_arn = extract_resource_arn
