"""What runs before the first resource: the stack's settings, and whether this caller can deploy them."""

from pathlib import Path

import pulumi
import pulumi_aws as aws
from pulumi.runtime import config as stack_config

from iam_hardening import config
from iam_hardening.config import deployer, files


def load_settings() -> config.Settings:
    """Raises pulumi.RunError with every mistake of the stack's configuration."""
    # Pulumi's Config answers for one key only; unknown keys can be refused only by seeing all of them.
    written = {**stack_config.get_config_env(), **stack_config.CONFIG.get()}
    secret = [key for key in written if stack_config.is_config_secret(key)]
    try:
        # Where the engine runs the program, and not a test.
        if root := pulumi.runtime.settings.SETTINGS.root_directory:
            files.check_stack_file(Path(root), pulumi.get_stack())
        stack = config.load(
            written, project=pulumi.get_project(), stack=pulumi.get_stack(), secret_keys=secret
        )
    except config.ConfigError as error:
        raise pulumi.RunError(str(error)) from None
    for warning in stack.warnings:
        pulumi.log.warn(str(warning))
    return stack


def check_caller(stack: config.Settings) -> None:
    """Refuses an up that could not end. A preview changes nothing, and may be made by a caller who only
    reads. Raises pulumi.RunError."""
    if stack.alarms is None or not stack.alarms.log_administrators:
        return
    problem = deployer.problem(stack, aws.get_caller_identity().arn)
    if problem and pulumi.runtime.is_dry_run():
        pulumi.log.warn(problem)
    elif problem:
        raise pulumi.RunError(problem)
