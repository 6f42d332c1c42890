"""Exit statuses of every command. docs/decisions/0014-one-command-line.md"""

# Done, or all is as claimed.
HOLDS = 0
# A claim is false, the account differs, something is in the way, or the person said no.
FALSE = 1
# The command could not run, or could not look at everything; the reason is on stderr.
COULD_NOT_RUN = 2
# As sysexits.h has it.
WRONG_USAGE = 64
# As shells have it: 128 and the signal's number.
INTERRUPTED = 130
