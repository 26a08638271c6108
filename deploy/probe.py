"""The health check of a service's container: exit code 0 when it is ready, else 1 with the reason.

Run every few seconds beside each service, so it is small: `python3 -I -S probe.py` imports
nothing of the project and nothing that is installed, and takes some 20 ms.
"""

import json
import os
import socket
import sys

# Those of shared.config.desk.HealthSettings; a test holds the two together.
PORTS = {"data": 8101, "strategy": 8102, "risk": 8103, "execution": 8104, "ledger": 8105}
TIMEOUT_S = 3.0
ANSWER_BYTES_MAX = 1_000_000


def port_of(service: str) -> int:
    """Return where the service answers: what its environment says, else its usual port."""
    return int(os.environ.get(f"TAPEDECK__HEALTH__{service.upper()}_PORT") or PORTS[service])


def ask(port: int, path: str = "/health/ready") -> tuple[int, str]:
    """Return the status and the body that the service answers with; OSError when it does not."""
    with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as connection:
        connection.settimeout(TIMEOUT_S)
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: probe\r\n\r\n".encode())
        answer = b""
        while len(answer) < ANSWER_BYTES_MAX and (more := connection.recv(65_536)):
            answer += more
    head, _, body = answer.partition(b"\r\n\r\n")
    words = head.split(None, 2)
    if len(words) < 2 or not words[1].isdigit():
        raise OSError("the answer is not HTTP")
    return int(words[1]), body.decode("utf-8", "replace")


def complaint(body: str) -> str:
    """Return the checks that fail, from a report of `/health/ready`."""
    try:
        checks = json.loads(body)["checks"]
        failed = [f"{name}: {check['detail']}" for name, check in checks.items() if not check["ok"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        return "an answer that is no report"
    return "; ".join(failed) or "nothing has been checked yet"


def main() -> int:
    """Probe the service of this container; one that has no health (a job) is always well."""
    service = os.environ.get("TAPEDECK_SERVICE", "")
    if service not in PORTS:
        return 0
    try:
        status, body = ask(port_of(service))
    except OSError as error:
        print(f"{service} does not answer: {error}")
        return 1
    if status != 200:
        print(f"{service} is not ready: {complaint(body)}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
