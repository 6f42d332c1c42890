"""The recorder itself: it has to be stricter than Pulumi's mocks, or the other tests prove little."""

import pulumi
import pulumi_aws as aws
import pytest

from tests.recorder import NotRecordedError, Recorder


def test_a_urn_registered_twice_is_an_error(recorder: Recorder) -> None:
    def build() -> None:
        aws.iam.Group("people")
        aws.iam.Group("people")

    with pytest.raises(ValueError, match=r"duplicate resource URN: .*aws:iam/group:Group::people"):
        recorder.run(build)


def test_an_unexpected_look_up_is_an_error(recorder: Recorder) -> None:
    with pytest.raises(LookupError, match="unexpected invoke of aws:iam/getUser:getUser"):
        recorder.run(lambda: aws.iam.get_user_output(user_name="Alice"))


def test_a_failure_inside_an_apply_is_not_swallowed(recorder: Recorder) -> None:
    def build() -> None:
        aws.iam.Group("people").arn.apply(lambda _: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        recorder.run(build)


def test_what_was_not_registered_cannot_be_asked_for(recorder: Recorder) -> None:
    recorder.run(lambda: aws.iam.Group("people"))
    assert recorder.one("aws:iam/group:Group", "people").inputs == {}
    with pytest.raises(NotRecordedError, match=r"names: \['people'\]"):
        recorder.one("aws:iam/group:Group", "peopel")


def test_a_secret_stays_one_from_an_output_to_an_input_and_to_the_stack(recorder: Recorder) -> None:
    def build() -> None:
        key = aws.iam.AccessKey("key", user="Alice")
        aws.ssm.Parameter("open", type="String", value=key.user, description=key.id)
        aws.ssm.Parameter("closed", type="String", value="x", description=key.secret)
        pulumi.export("open", key.id)
        pulumi.export("closed", key.secret)

    recorder.run(build)
    parameter = "aws:ssm/parameter:Parameter"
    assert "description" not in recorder.one(parameter, "open").secret_inputs
    assert "description" in recorder.one(parameter, "closed").secret_inputs
    assert recorder.stack_outputs == {"open": "key-id", "closed": "pretend-secret-key"}
    assert recorder.secret_stack_outputs == {"closed"}
