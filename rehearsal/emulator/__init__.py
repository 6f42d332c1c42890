"""An emulated AWS whose answers can be taken as proof of access.

MiniStack (PyPI, MIT) emulates the services and evaluates IAM policies on every call. This package starts it
in process and closes the gaps between its IAM, STS and EC2 and what AWS documents, one module per topic;
each module's docstring names the gap and AWS's behaviour. `server.py` is the list of them, `upstream.py` the
only place that imports MiniStack, and pins the version these modules fit.

Start it with `python -m rehearsal.emulator --port PORT`; it binds 127.0.0.1, keeps everything in memory
and is ready when `GET /_ministack/health` answers. An access key id of 12 digits, with any secret, is that
account's root user: that is how an account begins to exist. Every other principal needs real keys and is
refused what its policies do not allow; what the emulator cannot map to an IAM action is refused too.

What it deliberately does not do: the console, organisation policies (SCPs), web identity and SAML federation
(refused), eventual consistency, a one-time password used twice (accepted within its 90 seconds).
"""
