"""AWS, through botocore: one client per service, with the keys that the environment holds now.

boto3 brings botocore and is what the extra installs; its own layer above is not needed, nor the
0.1 s that it takes to import.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from vindrop.clouds import AWS, Credentials, of_role, reachable_by, trimmed
from vindrop.core.invocation import bounded_pool, deadline
from vindrop.core.store_errors import StoreError, StoreSettingError, load_client
from vindrop.core.store_url import TIMEOUT, TIMEOUT_SECONDS, parse

CONNECT_SECONDS: Final = 2.0
TRIES: Final = 2
"""The SDK's own, for throttling and broken connections; together they end with the time-out."""
_REGION: Final = r"[a-z0-9-]{0,32}"


class AWSError(StoreError):
    """The service refused."""

    def __init__(self, message: str, code: str, response: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.code = code
        self.response = response


@dataclass(frozen=True, slots=True)
class Place:
    """What a URL or an ARN names."""

    region: str
    account: str
    name: str
    endpoint: str
    """``http://host:port`` of a compatible service; empty for AWS's own."""
    options: Mapping[str, str]
    arn: str = ""
    """Where it was given as one."""
    timeout: float = TIMEOUT_SECONDS
    """Seconds after which a service that does not answer is given up."""


def place(url: str, service: str, options: tuple[str, ...] = ()) -> Place:
    """Return what ``scheme://region/name`` or ``scheme:///arn:aws:service:region:account:name`` names.

    Without a region it is the function's own (AWS_REGION), filled in by `Client`.

    :raises StoreSettingError: it names nothing.
    """
    split = parse(url, ("endpoint", TIMEOUT, *options))
    if split.user or split.password:
        raise StoreSettingError(
            f"{split.scheme}://… takes no user and no password: the keys are those of the function's role"
        )
    region, path, account = split.hosts, split.path, ""
    arn = path if path.startswith("arn:") else ""
    if path.startswith("arn:"):
        parts = path.split(":", 5)
        if len(parts) != 6 or parts[2] != service or (region and region != parts[3]):
            raise StoreSettingError(f"{split.shown} holds no ARN of {service}: arn:aws:{service}:…")
        region, account, path = parts[3], parts[4], parts[5]
    name = path.removeprefix("event-bus/").removeprefix("table/")
    if "/" in name:
        account, _, name = name.partition("/")
    if not name or "/" in name:
        raise StoreSettingError(
            f"{split.shown} names nothing: write {split.scheme}://region/name, or "
            f"{split.scheme}:///arn:aws:{service}:…"
        )
    if not re.fullmatch(_REGION, region):
        raise StoreSettingError(f"{split.shown}: no region of AWS is called so: such as us-east-1")
    endpoint = split.options.get("endpoint", "").strip()
    return Place(region, account, name, endpoint, split.options, arn, split.timeout)


class Client:
    """Calls one service; safe to share between threads."""

    def __init__(self, service: str, where: Place, environment: Mapping[str, str]) -> None:
        self._service = service
        self._where = where
        self._environment = environment
        self._endpoint = where.endpoint or trimmed(environment.get("AWS_ENDPOINT_URL", ""))
        self._session = load_client("botocore.session", f"{service} of AWS").Session()
        self._config = load_client("botocore.config", "AWS").Config(
            connect_timeout=min(CONNECT_SECONDS, where.timeout * 0.4),
            read_timeout=where.timeout * 0.45,
            retries={"mode": "standard", "total_max_attempts": TRIES},
            # None: the environment's. A service on this machine is asked without a proxy.
            proxies=reachable_by(self._endpoint) if self._endpoint else None,
        )
        self._errors = load_client("botocore.exceptions", "AWS")
        self._lock = threading.Lock()
        self._client: Any = None
        self._credentials: Credentials | None = None
        self.region = (
            where.region
            or trimmed(environment.get("AWS_REGION", ""))
            or trimmed(environment.get("AWS_DEFAULT_REGION", ""))
        )
        if not self.region:
            raise StoreSettingError(
                f"{where.name} has no region: write it as the URL's host, or set AWS_REGION"
            )
        self.client()  # a wrong endpoint or service is a wrong setting: said at the start

    def call(self, operation: str, **parameters: object) -> dict[str, Any]:
        """Make one call; ``operation`` in snake_case, as botocore writes it.

        :raises AWSError: the service refused.
        :raises StoreError: it is out of reach, or there are no keys.
        """
        try:
            with deadline(self._where.timeout):
                answer: dict[str, Any] = getattr(self.client(), operation)(**parameters)
        except self._errors.ClientError as error:
            said = error.response.get("Error", {})
            code = str(said.get("Code", ""))
            raise AWSError(
                f"{self._service} refused {operation} on {self._where.name}: {code}: "
                f"{said.get('Message', '')}",
                code,
                error.response,
            ) from None
        except self._errors.NoCredentialsError:
            raise StoreError(
                f"no keys for {self._service}: give the function an execution role, or set "
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            ) from None
        except (self._errors.BotoCoreError, OSError) as error:
            raise StoreError(f"{self._service} is out of reach: {error}") from None
        return answer

    def client(self) -> Any:
        """Return botocore's client for the keys of now."""
        keys = of_role(AWS, self._environment)
        with self._lock:
            if self._client is None or keys != self._credentials:
                try:
                    self._client = self._session.create_client(
                        self._service,
                        region_name=self.region,
                        endpoint_url=self._endpoint or None,
                        # Without keys in the environment botocore looks where it always looks.
                        aws_access_key_id=keys.id if keys else None,
                        aws_secret_access_key=keys.key if keys else None,
                        aws_session_token=keys.token if keys else None,
                        config=self._config,
                    )
                except (ValueError, self._errors.BotoCoreError) as error:
                    raise StoreSettingError(
                        f"{self._service}://…: {error}: correct the region or the endpoint"
                    ) from None
                self._credentials = keys
                _bound(self._client)
            return self._client


def _bound(client: Any) -> None:
    """Make botocore's connections heed `deadline`: its own time-outs are of each read."""
    session = client._endpoint.http_session  # noqa: SLF001  # botocore has no other way to it
    pools = {scheme: bounded_pool(kind) for scheme, kind in session._pool_classes_by_scheme.items()}  # noqa: SLF001
    session._pool_classes_by_scheme = pools  # noqa: SLF001  # for proxies, made when first needed
    session._manager.pool_classes_by_scheme = pools  # noqa: SLF001
